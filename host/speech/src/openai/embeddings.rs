//! Embeddings of an OpenAI-compatible server.

use serde::Deserialize;

use super::{Config, NAME};
use crate::transport::read_all;
use crate::{BoxFuture, Embedder, Error, Kind, Purpose, Stage, Transport, normalize};

/// Longest answer: two thousand vectors of three thousand numbers, as text.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// An embedding model behind an OpenAI-compatible server.
#[derive(Debug, Clone)]
pub struct Embeddings {
    config: Config,
    dimensions: usize,
    transport: Transport,
}

impl Embeddings {
    /// Creates the model; its vectors will have `dimensions` numbers.
    #[must_use]
    pub fn new(config: Config, dimensions: usize, transport: Transport) -> Self {
        Self { config, dimensions, transport }
    }

    async fn request(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Error> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let unexpected = |code| Error::new(NAME, Stage::Receive, Kind::Protocol).with_code(code);
        let body = serde_json::json!({
            "model": self.config.model,
            "input": texts,
            "dimensions": self.dimensions,
            "encoding_format": "float",
        });
        let answer = self
            .transport
            .send(NAME, |client| Ok(self.config.post(client, "/embeddings")?.json(&body)))
            .await?;
        let bytes = read_all(answer, MAX_BODY).await?;
        let mut reply: Reply = serde_json::from_slice(&bytes).map_err(|_| unexpected("malformed_answer"))?;
        reply.data.sort_by_key(|item| item.index);
        let in_order = reply.data.iter().enumerate().all(|(position, item)| item.index == position);
        if reply.data.len() != texts.len() || !in_order {
            return Err(unexpected("wrong_number_of_vectors"));
        }
        let mut vectors: Vec<Vec<f32>> = reply.data.into_iter().map(|item| item.embedding).collect();
        if vectors.iter().any(|vector| vector.len() != self.dimensions) {
            return Err(unexpected("wrong_dimensions"));
        }
        vectors.iter_mut().for_each(|vector| normalize(vector));
        Ok(vectors)
    }
}

impl Embedder for Embeddings {
    fn name(&self) -> &'static str {
        NAME
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, texts: Vec<String>, _: Purpose) -> BoxFuture<'_, Result<Vec<Vec<f32>>, Error>> {
        Box::pin(self.request(texts))
    }
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}
