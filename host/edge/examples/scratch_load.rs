use std::sync::atomic::*;
use std::sync::*;
use std::time::*;
use tokio::io::*;
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (addr, path, conns, secs) =
        (a[1].clone(), a[2].clone(), a[3].parse::<usize>().unwrap(), a[4].parse::<u64>().unwrap());
    let end = Instant::now() + Duration::from_secs(secs);
    let lat = Arc::new(Mutex::new(Vec::<u32>::new()));
    let bad = Arc::new(AtomicUsize::new(0));
    let t0 = Instant::now();
    let tasks: Vec<_> = (0..conns)
        .map(|_| {
            let (addr, path, lat, bad) = (addr.clone(), path.clone(), lat.clone(), bad.clone());
            tokio::spawn(async move {
                let mut s = tokio::net::TcpStream::connect(&addr).await.unwrap();
                s.set_nodelay(true).unwrap();
                let req = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
                let mut buf = vec![0u8; 8192];
                let mut l = vec![];
                while Instant::now() < end {
                    let t = Instant::now();
                    s.write_all(req.as_bytes()).await.unwrap();
                    let mut n = 0;
                    loop {
                        let m = s.read(&mut buf[n..]).await.unwrap();
                        if m == 0 {
                            panic!("closed")
                        }
                        n += m;
                        let text = &buf[..n];
                        if let Some(p) = text.windows(4).position(|w| w == b"\r\n\r\n") {
                            let head = std::str::from_utf8(&text[..p]).unwrap().to_lowercase();
                            let done = if let Some(i) = head.find("content-length: ") {
                                let len: usize =
                                    head[i + 16..].split("\r\n").next().unwrap().parse().unwrap();
                                n >= p + 4 + len
                            } else {
                                text.ends_with(b"0\r\n\r\n")
                            };
                            if done {
                                if !head.starts_with("http/1.1 200") {
                                    bad.fetch_add(1, Ordering::Relaxed);
                                }
                                break;
                            }
                        }
                    }
                    l.push(t.elapsed().as_micros() as u32);
                }
                lat.lock().unwrap().extend(l);
            })
        })
        .collect();
    for t in tasks {
        t.await.unwrap();
    }
    let mut l = lat.lock().unwrap();
    l.sort();
    let n = l.len();
    println!(
        "{path} conns={conns}: {:.0} req/s  p50 {}us p99 {}us max {}us bad {}",
        n as f64 / t0.elapsed().as_secs_f64(),
        l[n / 2],
        l[n * 99 / 100],
        l[n - 1],
        bad.load(Ordering::Relaxed)
    );
}
