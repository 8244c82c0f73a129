use http::Method;

use super::setting::{KEY, NOW, STRANGERS_KEY, Setting, problem};

#[tokio::test]
async fn health_is_open_and_says_whether_the_service_works() {
    let mut setting = Setting::new().await;
    for path in ["/health", "/health/live", "/health/ready"] {
        let response = setting.request(Method::GET, path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.body().contains(r#""status":"ok""#), "{}", response.body());
    }
    setting.database_is_down = true;
    assert_eq!(setting.request(Method::GET, "/health/live", &[]).await.status(), 200);
    for path in ["/health", "/health/ready"] {
        let response = setting.request(Method::GET, path, &[]).await;
        assert_eq!(problem(&response, 503), "not-ready");
        assert!(!response.body().contains("the path of"), "{}", response.body());
    }
}

#[tokio::test]
async fn a_database_without_the_schema_is_not_ready() {
    let setting = Setting::new().await;
    let drop = store::Statement::new("DROP TABLE schema_migrations", []);
    store::Db::execute(setting.store.db(), drop).await.unwrap();
    let response = setting.request(Method::GET, "/health/ready", &[]).await;
    assert_eq!(problem(&response, 503), "not-ready");
    assert!(response.body().contains("run the migrations"), "{}", response.body());
}

#[tokio::test]
async fn a_service_that_is_misconfigured_is_not_ready_and_says_why_in_its_log() {
    let mut setting = Setting::new().await;
    let variables = [("trust_forwarded", "perhaps".to_owned())].into();
    setting.settings = crate::service::Settings::from_variables(&variables);
    let response = setting.request(Method::GET, "/health", &[]).await;
    assert_eq!(problem(&response, 503), "not-ready");
    assert!(!response.body().contains("trust_forwarded"), "{}", response.body());
    assert!(setting.log.borrow()[0].contains("trust_forwarded"));
}

#[tokio::test]
async fn without_a_good_key_nothing_is_told_apart() {
    let setting = Setting::new().await;
    let long = format!("Bearer {}", "k".repeat(300));
    for path in ["/v1/calls", "/v1/nothing", "/v1/"] {
        for authorization in ["", "Bearer", "Bearer ", "Bearer wrong", "Basic a2V5", KEY, &long] {
            let response = setting.request(Method::GET, path, &[("authorization", authorization)]).await;
            assert_eq!(problem(&response, 401), "unauthorized", "{path} {authorization}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
        assert_eq!(setting.request(Method::POST, path, &[]).await.status(), 401);
        let twice = [("authorization", format!("Bearer {KEY}")), ("authorization", format!("Bearer {KEY}"))];
        let twice = twice.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(setting.request(Method::GET, path, &twice).await.status(), 401);
    }
}

#[tokio::test]
async fn a_key_opens_its_own_tenants_records_only() {
    let setting = Setting::new().await;
    let call = setting.call("CA1", NOW).await;
    setting.store.insert_record(&setting.tenant, "appointments/1", br#"{"status":"booked"}"#).await.unwrap();
    let customer = setting.store.customer_by_phone(&setting.tenant, "+15551230000", NOW).await.unwrap();
    for target in [
        format!("/v1/calls/{}", call.id),
        format!("/v1/customers/{}/memories", customer.id),
        "/v1/customers/+15551230000/memories".into(),
    ] {
        assert_eq!(problem(&setting.get(&target, STRANGERS_KEY).await, 404), "not-found", "{target}");
        assert_eq!(setting.get(&target, KEY).await.status(), 200, "{target}");
    }
    for target in ["/v1/calls", "/v1/appointments"] {
        let response = setting.get(target, STRANGERS_KEY).await;
        assert_eq!(response.body(), r#"{"items":[],"next_cursor":null}"#, "{target}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_what_exists_has_its_methods() {
    let setting = Setting::new().await;
    for target in [
        "/",
        "/v1",
        "/v2/calls",
        "/health/other",
        "/v1/callers",
        "/v1/calls/",
        "/v1/calls/none",
        "/v1/calls/a%2Fb",
        "/v1/calls/%ff",
        "/v1/calls/a/b",
        "/v1/customers/x",
        "/v1/customers/nobody/memories",
    ] {
        assert_eq!(problem(&setting.get(target, KEY).await, 404), "not-found", "{target}");
    }
    let authorization = format!("Bearer {KEY}");
    for (target, allowed) in [
        ("/v1/calls", "GET, POST"),
        ("/v1/calls/x", "GET"),
        ("/v1/calls/x/cancel", "POST"),
        ("/v1/calls/x/recordings", "GET"),
        ("/v1/leads", "GET"),
        ("/v1/webhook-keys", "GET, POST"),
        ("/v1/webhook-keys/x", "DELETE"),
        ("/v1/routing", "GET, PUT, DELETE"),
        ("/v1/limits", "GET, PUT"),
        ("/health", "GET"),
    ] {
        let response = setting.request(Method::PATCH, target, &[("authorization", &authorization)]).await;
        assert_eq!(problem(&response, 405), "method-not-allowed", "{target}");
        assert_eq!(response.headers()["allow"], allowed, "{target}");
    }
}

#[tokio::test]
async fn a_fault_of_ours_is_logged_and_not_shown() {
    let mut setting = Setting::new().await;
    setting.database_is_down = true;
    let headers = [("authorization", "Bearer x"), ("x-request-id", "req-7")];
    let response = setting.request(Method::GET, "/v1/calls", &headers).await;
    assert_eq!(problem(&response, 500), "internal");
    assert_eq!(response.headers()["x-request-id"], "req-7");
    assert!(!response.body().contains("the path of"), "{}", response.body());
    let log = setting.log.borrow();
    assert!(log[0].contains("the path of the database") && log[0].contains("req-7"), "{log:?}");
}

#[tokio::test]
async fn a_request_id_that_could_forge_a_log_is_replaced() {
    let setting = Setting::new().await;
    let response = setting.request(Method::GET, "/health/live", &[("x-request-id", "a b")]).await;
    assert_ne!(response.headers()["x-request-id"], "a b");
}
