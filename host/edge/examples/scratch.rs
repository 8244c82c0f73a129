use edge::*;
#[tokio::main]
async fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(
            std::env::var("RUST_LOG").unwrap_or("info".into()),
        ))
        .init();
    let mut args = std::env::args().skip(1);
    let dir: std::path::PathBuf = args.next().unwrap().into();
    let port: u16 = args.next().unwrap().parse().unwrap();
    let mut limits = Limits::default();
    if let Some(n) = args.next() {
        limits.instance_reuse.requests = n.parse().unwrap();
    }
    if let Some(n) = args.next() {
        limits.instance_reuse.concurrent = n.parse().unwrap();
    }
    limits.request_deadline = std::time::Duration::from_secs(5);
    limits.memory_per_instance = 64 << 20;
    limits.max_body = 100_000;
    limits.body_read_timeout = std::time::Duration::from_secs(2);
    let started = std::time::Instant::now();
    let edge = match Edge::load(Settings {
        manifest: dir.join("spin.toml"),
        state_dir: dir.join(".spin"),
        sqlite_databases: Default::default(),
        variables: std::env::vars()
            .filter_map(|(k, v)| Some((k.strip_prefix("SPIN_VARIABLE_")?.to_lowercase(), v)))
            .collect(),
        compile_cache: dir.join("cache"),
        limits,
    })
    .await
    {
        Ok(e) => e,
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1)
        }
    };
    println!("loaded in {:?}: {:?}", started.elapsed(), edge.routes());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    serve(edge, listener, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await
    .unwrap();
}
