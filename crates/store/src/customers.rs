//! The people who call a tenant, and what is remembered of them.

use serde::Serialize;

use crate::db::{Batch, Row};
use crate::{CustomerId, Db, MemoryId, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// Somebody who calls a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Customer {
    /// Their id.
    pub id: CustomerId,
    /// The number they call from.
    pub phone: String,
    /// Their name, where it is known.
    pub name: Option<String>,
}

/// One thing remembered of a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// Its id.
    pub id: MemoryId,
    /// What it is about, for example `appointment`.
    pub kind: String,
    /// The text that is recalled.
    pub text: String,
    /// Its embedding by `model`.
    pub embedding: Vec<f32>,
    /// What made the embedding. Embeddings of different models do not compare.
    pub model: String,
    /// When it was true.
    pub at: Timestamp,
}

/// Something to remember.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMemory {
    /// What it is about, for example `appointment`.
    pub kind: String,
    /// The text to recall later.
    pub text: String,
    /// Its embedding by `model`.
    pub embedding: Vec<f32>,
    /// What made the embedding.
    pub model: String,
    /// When it was true.
    pub at: Timestamp,
}

impl<D: Db> Store<D> {
    /// The customer with this number, created where there is none.
    ///
    /// # Errors
    /// When the tenant does not exist or the database fails.
    pub async fn customer_by_phone(
        &self,
        tenant: &TenantId,
        phone: &str,
        now: Timestamp,
    ) -> Result<Customer, StoreError> {
        if let Some(known) = self.known_customer(tenant, phone).await? {
            return Ok(known);
        }
        let insert = "INSERT INTO customers (tenant, id, phone, created_at) VALUES (?1, ?2, ?3, ?4) \
                      ON CONFLICT (tenant, phone) DO NOTHING";
        let id = CustomerId::generate(now);
        let params = [tenant.into(), (&id).into(), phone.into(), now.into()];
        let statements = vec![Statement::new(insert, params), by_phone(tenant, phone)];
        if let Batch::Done(results) = self.db.batch(statements).await?
            && let Some(row) = results.last().and_then(crate::Rows::first)
        {
            return customer(&row);
        }
        Err(StoreError::Unreadable("a customer that was just stored".to_owned()))
    }

    /// The customer with this number, if the tenant knows them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_customer(
        &self,
        tenant: &TenantId,
        phone: &str,
    ) -> Result<Option<Customer>, StoreError> {
        let rows = self.db.query(by_phone(tenant, phone)).await?;
        rows.first().map(|row| customer(&row)).transpose()
    }

    /// The customer with this id, if the tenant knows them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn customer(&self, tenant: &TenantId, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
        let sql = "SELECT * FROM customers WHERE tenant = ?1 AND id = ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), id.into()])).await?;
        rows.first().map(|row| customer(&row)).transpose()
    }

    /// Sets a customer's name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn name_customer(
        &self,
        tenant: &TenantId,
        id: &CustomerId,
        name: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE customers SET name = ?3 WHERE tenant = ?1 AND id = ?2";
        self.db.execute(Statement::new(sql, [tenant.into(), id.into(), name.into()])).await?;
        Ok(())
    }

    /// What is remembered of a customer, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn memories_of(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
        limit: u32,
    ) -> Result<Vec<Memory>, StoreError> {
        let sql = "SELECT * FROM memories WHERE tenant = ?1 AND customer = ?2 \
                   ORDER BY at DESC, id DESC LIMIT ?3";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), customer.into(), limit.into()])).await?;
        rows.iter().map(|row| memory(&row)).collect()
    }

    /// Remembers things of a customer, all or none; returns their ids.
    ///
    /// # Errors
    /// When the customer does not exist or the database fails.
    pub async fn insert_memories(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
        memories: &[NewMemory],
    ) -> Result<Vec<MemoryId>, StoreError> {
        let ids: Vec<MemoryId> = memories.iter().map(|memory| MemoryId::generate(memory.at)).collect();
        let statements = ids.iter().zip(memories).map(|(id, memory)| insert(tenant, customer, id, memory));
        self.db.batch(statements.collect()).await?;
        Ok(ids)
    }
}

fn insert(tenant: &TenantId, customer: &CustomerId, id: &MemoryId, memory: &NewMemory) -> Statement {
    let sql = "INSERT INTO memories (tenant, customer, id, kind, text, embedding, model, at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let embedding: Vec<u8> = memory.embedding.iter().flat_map(|value| value.to_le_bytes()).collect();
    let params: [Value; 8] = [
        tenant.into(),
        customer.into(),
        id.into(),
        memory.kind.as_str().into(),
        memory.text.as_str().into(),
        embedding.into(),
        memory.model.as_str().into(),
        memory.at.into(),
    ];
    Statement::new(sql, params)
}

fn by_phone(tenant: &TenantId, phone: &str) -> Statement {
    let sql = "SELECT * FROM customers WHERE tenant = ?1 AND phone = ?2";
    Statement::new(sql, [tenant.into(), phone.into()])
}

fn customer(row: &Row<'_>) -> Result<Customer, StoreError> {
    Ok(Customer { id: row.parse("id")?, phone: row.parse("phone")?, name: row.optional_parse("name")? })
}

fn memory(row: &Row<'_>) -> Result<Memory, StoreError> {
    let (values, rest) = row.blob("embedding")?.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(StoreError::Unreadable("an embedding is cut off".to_owned()));
    }
    Ok(Memory {
        id: row.parse("id")?,
        kind: row.parse("kind")?,
        text: row.parse("text")?,
        embedding: values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        model: row.parse("model")?,
        at: Timestamp(row.integer("at")?),
    })
}
