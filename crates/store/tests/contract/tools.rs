//! Tenants' tools. What the tests of them share is here.

mod aliases;
mod privacy;
mod removal;
mod revalidation;
mod versions;

use serde_json::json;
use store::{Act, GateCheck, NewVersion, RolledBack, ToolAction, ToolAlias, ToolDigest, ToolName, ToolQuota};

use crate::fixture::{Fixture, NOW};

pub const LIVE: (ToolAlias, u32) = (ToolAlias::Live, 100);

pub fn act(why: &str) -> Act<'_> {
    Act { by: "ana", why, at: NOW }
}

pub fn tool() -> ToolName {
    "order_status".parse().unwrap()
}

pub fn digest(bytes: &str) -> ToolDigest {
    ToolDigest::of(bytes.as_bytes())
}

pub fn good() -> GateCheck {
    GateCheck { gate: "1".into(), engine: "e1".into(), refusal: None, report: json!({ "functions": 7 }) }
}

pub fn bad() -> GateCheck {
    GateCheck { refusal: Some("import-unknown".into()), ..good() }
}

pub fn version(bytes: &str, check: GateCheck) -> NewVersion {
    NewVersion { digest: digest(bytes), bytes: bytes.len() as u64, compiled_bytes: 0, check }
}

impl Fixture {
    pub async fn upload(&self, bytes: &str) -> ToolDigest {
        let (new, quota) = (version(bytes, good()), ToolQuota::default());
        self.put_tool_version(&self.tenant, &tool(), &new, &quota, &act("")).await.unwrap();
        new.digest
    }

    pub async fn live(&self, bytes: &str) -> ToolDigest {
        let digest = self.upload(bytes).await;
        self.switch_tool(&self.tenant, &tool(), LIVE, &digest, &act("")).await.unwrap();
        digest
    }

    async fn named(&self, alias: ToolAlias) -> Option<ToolDigest> {
        let aliases = self.tool_aliases(&self.tenant, &tool()).await.unwrap();
        aliases.into_iter().find(|named| named.alias == alias).map(|named| named.digest)
    }

    async fn go_back(&self, from: &ToolDigest) -> RolledBack {
        let live = ToolAlias::Live;
        self.roll_back_tool(&self.tenant, &tool(), live, from, false, &act("trouble")).await.unwrap()
    }

    async fn done(&self) -> Vec<ToolAction> {
        let history = self.tool_history(&self.tenant, &tool(), None, 100).await.unwrap();
        history.into_iter().rev().map(|event| event.action).collect()
    }
}
