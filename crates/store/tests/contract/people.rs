use std::time::Duration;

use store::{Agent, ApiKeyHash, CustomerId, NewMemory, Seed};

use crate::contract;
use crate::fixture::{Fixture, NOW, number};

contract! {
    a_number_leads_to_its_tenant_and_agent,
    a_number_stays_with_the_tenant_that_has_it,
    a_routing_table_comes_with_the_number,
    a_key_opens_the_tenant_whose_key_it_is,
    seeding_again_keeps_what_was_changed,
    an_agent_is_stored_whole,
    a_caller_is_one_customer_however_often_they_call,
    memories_survive_to_the_bit_and_come_newest_first,
    memories_of_an_unknown_customer_are_refused_whole,
}

async fn a_number_leads_to_its_tenant_and_agent(store: &Fixture) {
    let route = store.resolve_number(&number("+34910000000")).await.unwrap().unwrap();
    assert_eq!((route.tenant, route.agent), (store.tenant.clone(), Some(store.agent.clone())));
    assert_eq!((route.time_zone.as_str(), route.routing_json), ("Europe/Madrid", None));
    assert_eq!(store.resolve_number(&number("+34910000001")).await.unwrap(), None);
}

async fn a_number_stays_with_the_tenant_that_has_it(store: &Fixture) {
    let own = number("+34910000000");
    assert!(!store.put_number(&store.stranger, &own, None, NOW).await.unwrap());
    assert_eq!(store.resolve_number(&own).await.unwrap().unwrap().tenant, store.tenant);
    assert!(store.put_number(&store.tenant, &own, None, NOW).await.unwrap());
    assert_eq!(store.resolve_number(&own).await.unwrap().unwrap().agent, None);
    let unknown = "nobody".parse().unwrap();
    assert!(store.put_number(&store.tenant, &own, Some(&unknown), NOW).await.is_err());
}

async fn a_routing_table_comes_with_the_number(store: &Fixture) {
    assert_eq!(store.routing(&store.tenant).await.unwrap(), None);
    store.set_routing(&store.tenant, Some(r#"{"rules":[]}"#)).await.unwrap();
    let kept = store.routing(&store.tenant).await.unwrap();
    assert_eq!(kept.as_deref(), Some(r#"{"rules":[]}"#));
    let route = store.resolve_number(&number("+34910000000")).await.unwrap().unwrap();
    assert_eq!(route.routing_json.as_deref(), Some(r#"{"rules":[]}"#));
}

async fn a_key_opens_the_tenant_whose_key_it_is(store: &Fixture) {
    let key = ApiKeyHash::of("correct horse");
    assert_eq!(store.tenant_by_api_key(&key).await.unwrap(), None);
    store.set_api_key(&store.tenant, &key).await.unwrap();
    let tenant = store.tenant_by_api_key(&key).await.unwrap().unwrap();
    assert_eq!((tenant.id, tenant.api_key), (store.tenant.clone(), Some(key.clone())));
    assert!(store.set_api_key(&store.stranger, &key).await.is_err());
    assert_eq!(store.tenant_by_api_key(&ApiKeyHash::of("wrong horse")).await.unwrap(), None);
}

async fn seeding_again_keeps_what_was_changed(store: &Fixture) {
    let mut agent = store.agent(&store.tenant, &store.agent).await.unwrap().unwrap();
    assert_eq!(agent.tools, Seed::TOOLS);
    agent.config = serde_json::json!({ "greeting": "Buenos días" });
    store.put_agent(&store.tenant, &agent, NOW).await.unwrap();
    let key = ApiKeyHash::of("k");
    let seed = Seed { api_key: Some(key.clone()), number: Some(number("+34910000009")), ..Seed::default() };
    store.seed(&seed, NOW).await.unwrap();
    assert_eq!(store.agent(&store.tenant, &store.agent).await.unwrap(), Some(agent));
    assert!(store.tenant_by_api_key(&key).await.unwrap().is_some());
    for seeded in ["+34910000000", "+34910000009"] {
        assert!(store.resolve_number(&number(seeded)).await.unwrap().is_some());
    }
}

async fn an_agent_is_stored_whole(store: &Fixture) {
    let agent = Agent {
        id: "night".parse().unwrap(),
        name: "Night \"desk\"".into(),
        config: serde_json::json!({ "greeting": "Hola", "depth": [1, 2.5, null] }),
        tools: vec!["leads".into()],
    };
    store.put_agent(&store.tenant, &agent, NOW).await.unwrap();
    assert_eq!(store.agent(&store.stranger, &agent.id).await.unwrap(), None);
    assert_eq!(store.agent(&store.tenant, &agent.id).await.unwrap(), Some(agent));
}

async fn a_caller_is_one_customer_however_often_they_call(store: &Fixture) {
    let customers = (0..20).map(|_| {
        let (store, tenant) = (store.store.clone(), store.tenant.clone());
        tokio::spawn(async move { store.customer_by_phone(&tenant, "+15551230000", NOW).await.unwrap() })
    });
    let mut ids = Vec::new();
    for customer in customers.collect::<Vec<_>>() {
        ids.push(customer.await.unwrap().id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let elsewhere = store.customer_by_phone(&store.stranger, "+15551230000", NOW).await.unwrap();
    assert_ne!(elsewhere.id, ids[0]);
    store.name_customer(&store.tenant, &ids[0], "Ana").await.unwrap();
    let named = store.customer(&store.tenant, &ids[0]).await.unwrap().unwrap();
    assert_eq!(named.name.as_deref(), Some("Ana"));
    assert_eq!(store.customer(&store.stranger, &ids[0]).await.unwrap(), None);
}

async fn memories_survive_to_the_bit_and_come_newest_first(store: &Fixture) {
    let customer = store.customer_by_phone(&store.tenant, "+15551230000", NOW).await.unwrap().id;
    let embedding = vec![0.1, -0.0, f32::MIN_POSITIVE, 1.0e-40, 3.5];
    let memories = [memory("old", 0, &embedding), memory("new", 5, &[])];
    store.insert_memories(&store.tenant, &customer, &memories).await.unwrap();
    let found = store.memories_of(&store.tenant, &customer, 10).await.unwrap();
    let texts: Vec<_> = found.iter().map(|memory| memory.text.as_str()).collect();
    assert_eq!(texts, ["new", "old"]);
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found[1].embedding), bits(&embedding));
    assert_eq!(store.memories_of(&store.tenant, &customer, 1).await.unwrap().len(), 1);
    assert!(store.memories_of(&store.stranger, &customer, 10).await.unwrap().is_empty());
}

async fn memories_of_an_unknown_customer_are_refused_whole(store: &Fixture) {
    let nobody: CustomerId = "nobody".parse().unwrap();
    let result = store.insert_memories(&store.tenant, &nobody, &[memory("x", 0, &[])]).await;
    assert!(result.is_err());
}

fn memory(text: &str, seconds: u64, embedding: &[f32]) -> NewMemory {
    NewMemory {
        kind: "fact".into(),
        text: text.into(),
        embedding: embedding.to_vec(),
        model: "lexical".into(),
        at: NOW.plus(Duration::from_secs(seconds)),
    }
}
