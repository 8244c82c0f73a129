//! Tenants, their agents and their numbers.

use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::db::Row;
use crate::{AgentId, Db, E164, Statement, Store, StoreError, TenantId, Timestamp, ToolReference, Value};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its IANA time zone, for example `Europe/Madrid`.
    pub time_zone: String,
    /// The hash of its API key, where it has one.
    pub api_key: Option<ApiKeyHash>,
    /// The most calls it may have at once; `None` for no limit.
    pub max_live_calls: Option<u32>,
}

/// The SHA-256 of an API key: what is stored of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyHash(String);

impl ApiKeyHash {
    /// The hash of `key`.
    pub fn of(key: &str) -> Self {
        Self(hex(&Sha256::digest(key.as_bytes())))
    }

    /// Its 64 lower-case hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeyHash(..)")
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An agent: how calls are answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// How it behaves: a JSON object, for example with `greeting` and `instructions`.
    pub config: serde_json::Value,
    /// The names of the tools it may use.
    pub tools: Vec<String>,
}

/// Where calls to a number go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRoute {
    /// The tenant that has the number.
    pub tenant: TenantId,
    /// The agent that answers unless the routing table says otherwise.
    pub agent: Option<AgentId>,
    /// The tenant's routing table, JSON; without one the agent answers every call.
    pub routing_json: Option<String>,
    /// The tenant's IANA time zone.
    pub time_zone: String,
    /// The most calls the tenant may have at once; `None` for no limit.
    pub max_live_calls: Option<u32>,
}

/// What a new installation begins with.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The tenant's IANA time zone.
    pub time_zone: String,
    /// The number on which the receptionist answers.
    pub number: Option<E164>,
    /// The key to the REST API.
    pub api_key: Option<ApiKeyHash>,
    /// What the receptionist says first.
    pub greeting: String,
    /// What the receptionist is told to do.
    pub instructions: String,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            time_zone: "Europe/Madrid".to_owned(),
            number: None,
            api_key: None,
            greeting: "Hello, thank you for calling. How can I help you?".to_owned(),
            instructions: "You are the receptionist of a small practice and you answer the phone. Speak in \
                           short, friendly sentences. Make, move and cancel appointments with the \
                           appointments tool, note people who are interested with the leads tool, and pass \
                           messages on to the staff with the notifications tool. Never invent a free slot or \
                           a booking: say only what a tool has confirmed."
                .to_owned(),
        }
    }
}

impl Seed {
    /// The id of the tenant that is seeded.
    pub const TENANT: &str = "default";
    /// The id of the agent that is seeded.
    pub const AGENT: &str = "receptionist";
    /// The tools that the seeded agent may use.
    pub const TOOLS: [&str; 3] = ["appointments", "leads", "notifications"];
}

impl<D: Db> Store<D> {
    /// Where calls to `number` go, if any tenant has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resolve_number(&self, number: &E164) -> Result<Option<NumberRoute>, StoreError> {
        let sql = "SELECT n.tenant, n.agent, t.routing_json, t.time_zone, t.max_live_calls \
                   FROM numbers n JOIN tenants t ON t.id = n.tenant WHERE n.number = ?1";
        let rows = self.db.query(Statement::new(sql, [number.into()])).await?;
        let route = rows.first().map(|row| {
            Ok(NumberRoute {
                tenant: row.parse("tenant")?,
                agent: row.optional_parse("agent")?,
                routing_json: row.optional_parse("routing_json")?,
                time_zone: row.parse("time_zone")?,
                max_live_calls: row.optional_count("max_live_calls")?,
            })
        });
        route.transpose()
    }

    /// The tenant whose API key has this hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenant_by_api_key(&self, key: &ApiKeyHash) -> Result<Option<Tenant>, StoreError> {
        let sql = "SELECT * FROM tenants WHERE api_key_sha256 = ?1";
        let rows = self.db.query(Statement::new(sql, [key.as_str().into()])).await?;
        rows.first().map(|row| tenant(&row)).transpose()
    }

    /// The tenant with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let sql = "SELECT * FROM tenants WHERE id = ?1";
        let rows = self.db.query(Statement::new(sql, [id.into()])).await?;
        rows.first().map(|row| tenant(&row)).transpose()
    }

    /// The tenant's agent with this id.
    ///
    /// # Errors
    /// When the database fails or the agent's configuration is not JSON.
    pub async fn agent(&self, tenant: &TenantId, id: &AgentId) -> Result<Option<Agent>, StoreError> {
        let sql = "SELECT * FROM agents WHERE tenant = ?1 AND id = ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), id.into()])).await?;
        rows.first().map(|row| agent(&row)).transpose()
    }

    /// Creates or replaces a tenant; its routing table and API key stay as they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_tenant(
        &self,
        id: &TenantId,
        name: &str,
        time_zone: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.db.batch(vec![put_tenant(id, name, time_zone, now)]).await?;
        Ok(())
    }

    /// Creates or replaces an agent.
    ///
    /// # Errors
    /// When the tenant does not exist or the database fails.
    pub async fn put_agent(
        &self,
        tenant: &TenantId,
        agent: &Agent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO agents (tenant, id, name, config_json, tools_json, created_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, id) DO UPDATE \
                   SET name = excluded.name, config_json = excluded.config_json, tools_json = excluded.tools_json";
        self.db.batch(vec![insert_agent(sql, tenant, agent, now)]).await?;
        Ok(())
    }

    /// The tenant's agents, by id; at most `limit`.
    ///
    /// # Errors
    /// When the database fails or an agent's configuration is not JSON.
    pub async fn agents(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Agent>, StoreError> {
        let sql = "SELECT * FROM agents WHERE tenant = ?1 ORDER BY id LIMIT ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), limit.into()])).await?;
        rows.iter().map(|row| agent(&row)).collect()
    }

    /// Replaces the tools that an agent may use, from its next call on. Returns whether there is such an agent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_agent_tools(
        &self,
        tenant: &TenantId,
        id: &AgentId,
        tools: &[ToolReference],
    ) -> Result<bool, StoreError> {
        let names: Vec<String> = tools.iter().map(ToString::to_string).collect();
        let sql = "UPDATE agents SET tools_json = ?3 WHERE tenant = ?1 AND id = ?2";
        let tools = serde_json::Value::from(names).to_string();
        Ok(self.db.execute(Statement::new(sql, [tenant.into(), id.into(), tools.into()])).await? == 1)
    }

    /// Gives a number to a tenant, with the agent that answers it. A number of
    /// another tenant stays with that tenant. Returns whether the tenant has it.
    ///
    /// # Errors
    /// When the tenant or the agent does not exist or the database fails.
    pub async fn put_number(
        &self,
        tenant: &TenantId,
        number: &E164,
        agent: Option<&AgentId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.db.execute(put_number(tenant, number, agent, now)).await? == 1)
    }

    /// The tenant's routing table as it was given to [`Store::set_routing`], if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn routing(&self, tenant: &TenantId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT routing_json FROM tenants WHERE id = ?1";
        let rows = self.db.query(Statement::new(sql, [tenant.into()])).await?;
        let routing = rows.first().map(|row| row.optional_text("routing_json")).transpose()?;
        Ok(routing.flatten().map(str::to_owned))
    }

    /// Replaces the tenant's routing table: the JSON form of `call-routing`'s `table`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_routing(&self, tenant: &TenantId, routing_json: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE tenants SET routing_json = ?2 WHERE id = ?1";
        self.db.execute(Statement::new(sql, [tenant.into(), routing_json.into()])).await?;
        Ok(())
    }

    /// Sets how many calls the tenant may have at once; `None` for no limit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_max_live_calls(&self, tenant: &TenantId, most: Option<u32>) -> Result<(), StoreError> {
        let sql = "UPDATE tenants SET max_live_calls = ?2 WHERE id = ?1";
        self.db.execute(Statement::new(sql, [tenant.into(), most.into()])).await?;
        Ok(())
    }

    /// Replaces the tenant's API key.
    ///
    /// # Errors
    /// When another tenant has the same key or the database fails.
    pub async fn set_api_key(&self, tenant: &TenantId, key: &ApiKeyHash) -> Result<(), StoreError> {
        self.db.batch(vec![set_api_key(tenant, key)]).await?;
        Ok(())
    }

    /// Makes sure that the default tenant and its receptionist exist, without
    /// touching what is there; number and API key are set where given.
    ///
    /// # Errors
    /// When the database fails; then nothing is seeded.
    pub async fn seed(&self, seed: &Seed, now: Timestamp) -> Result<(TenantId, AgentId), StoreError> {
        let unreadable = |_| StoreError::Unreadable("the ids of the seed".to_owned());
        let tenant: TenantId = Seed::TENANT.parse().map_err(unreadable)?;
        let agent: AgentId = Seed::AGENT.parse().map_err(unreadable)?;
        let receptionist = Agent {
            id: agent.clone(),
            name: "Receptionist".to_owned(),
            config: serde_json::json!({ "greeting": seed.greeting, "instructions": seed.instructions }),
            tools: Seed::TOOLS.map(str::to_owned).to_vec(),
        };
        let insert_once = "INSERT INTO agents (tenant, id, name, config_json, tools_json, created_at) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, id) DO NOTHING";
        let mut statements = vec![
            put_tenant(&tenant, "Default", &seed.time_zone, now),
            insert_agent(insert_once, &tenant, &receptionist, now),
        ];
        if let Some(number) = &seed.number {
            statements.push(put_number(&tenant, number, Some(&agent), now));
        }
        if let Some(key) = &seed.api_key {
            statements.push(set_api_key(&tenant, key));
        }
        self.db.batch(statements).await?;
        Ok((tenant, agent))
    }
}

fn put_tenant(id: &TenantId, name: &str, time_zone: &str, now: Timestamp) -> Statement {
    let sql = "INSERT INTO tenants (id, name, time_zone, created_at) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone";
    Statement::new(sql, [id.into(), name.into(), time_zone.into(), now.into()])
}

fn insert_agent(sql: &'static str, tenant: &TenantId, agent: &Agent, now: Timestamp) -> Statement {
    let tools = serde_json::Value::from(agent.tools.clone()).to_string();
    let params: [Value; 6] = [
        tenant.into(),
        (&agent.id).into(),
        agent.name.as_str().into(),
        agent.config.to_string().into(),
        tools.into(),
        now.into(),
    ];
    Statement::new(sql, params)
}

fn put_number(tenant: &TenantId, number: &E164, agent: Option<&AgentId>, now: Timestamp) -> Statement {
    let sql = "INSERT INTO numbers (number, tenant, agent, created_at) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (number) DO UPDATE SET agent = excluded.agent WHERE numbers.tenant = excluded.tenant";
    Statement::new(sql, [number.into(), tenant.into(), agent.into(), now.into()])
}

fn set_api_key(tenant: &TenantId, key: &ApiKeyHash) -> Statement {
    let sql = "UPDATE tenants SET api_key_sha256 = ?2 WHERE id = ?1";
    Statement::new(sql, [tenant.into(), key.as_str().into()])
}

fn tenant(row: &Row<'_>) -> Result<Tenant, StoreError> {
    let api_key: Option<String> = row.optional_parse("api_key_sha256")?;
    Ok(Tenant {
        id: row.parse("id")?,
        name: row.parse("name")?,
        time_zone: row.parse("time_zone")?,
        api_key: api_key.map(ApiKeyHash),
        max_live_calls: row.optional_count("max_live_calls")?,
    })
}

fn agent(row: &Row<'_>) -> Result<Agent, StoreError> {
    let unreadable = |_| StoreError::Unreadable("an agent's configuration is not JSON".to_owned());
    Ok(Agent {
        id: row.parse("id")?,
        name: row.parse("name")?,
        config: serde_json::from_str(row.text("config_json")?).map_err(unreadable)?,
        tools: serde_json::from_str(row.text("tools_json")?).map_err(unreadable)?,
    })
}
