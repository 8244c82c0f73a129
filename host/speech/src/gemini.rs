//! Google's Gemini embeddings.

use http::HeaderName;
use serde::Deserialize;
use serde_json::json;

use crate::transport::read_all;
use crate::{BoxFuture, Embedder, Endpoint, Error, Kind, Purpose, Secret, Stage, Transport, normalize};

const NAME: &str = "gemini";

/// Texts in one request, the service's limit.
const MAX_BATCH: usize = 100;

/// Longest answer: a full batch of the longest vectors, as text.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// How Gemini is reached.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it is, normally `https://generativelanguage.googleapis.com`.
    pub endpoint: Endpoint,
    /// The API key.
    pub api_key: Secret,
    /// The model.
    pub model: String,
    /// Length of the vectors.
    pub dimensions: usize,
}

impl Config {
    /// The public service with its text model and vectors of 768 numbers.
    ///
    /// # Errors
    /// Never with the built-in address.
    pub fn new(api_key: Secret) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::parse("https://generativelanguage.googleapis.com")?,
            api_key,
            model: "gemini-embedding-001".into(),
            dimensions: 768,
        })
    }
}

/// An embedding model at Google.
#[derive(Debug, Clone)]
pub struct Gemini {
    config: Config,
    transport: Transport,
}

impl Gemini {
    /// Creates the model; nothing is sent before it is asked.
    #[must_use]
    pub fn new(config: Config, transport: Transport) -> Self {
        Self { config, transport }
    }

    async fn request(&self, texts: Vec<String>, purpose: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(MAX_BATCH) {
            vectors.extend(self.batch(batch, purpose).await?);
        }
        Ok(vectors)
    }

    async fn batch(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, Error> {
        let unexpected = |code| Error::new(NAME, Stage::Receive, Kind::Protocol).with_code(code);
        let model = format!("models/{}", self.config.model);
        let task = match purpose {
            Purpose::Document => "RETRIEVAL_DOCUMENT",
            Purpose::Query => "RETRIEVAL_QUERY",
        };
        let requests: Vec<_> = texts
            .iter()
            .map(|text| {
                json!({
                    "model": model,
                    "content": { "parts": [{ "text": text }] },
                    "taskType": task,
                    "outputDimensionality": self.config.dimensions,
                })
            })
            .collect();
        let body = json!({ "requests": requests });
        let endpoint = self.config.endpoint.clone().or_path("/v1beta");
        let url = endpoint.http(&format!("/{model}:batchEmbedContents"));
        let key = self.config.api_key.header(NAME, "")?;
        let answer = self
            .transport
            .send(NAME, |client| {
                let request = client.post(url.clone());
                Ok(request.header(HeaderName::from_static("x-goog-api-key"), key.clone()).json(&body))
            })
            .await?;
        let bytes = read_all(answer, MAX_BODY).await?;
        let reply: Reply = serde_json::from_slice(&bytes).map_err(|_| unexpected("malformed_answer"))?;
        if reply.embeddings.len() != texts.len() {
            return Err(unexpected("wrong_number_of_vectors"));
        }
        if reply.embeddings.iter().any(|embedding| embedding.values.len() != self.config.dimensions) {
            return Err(unexpected("wrong_dimensions"));
        }
        let mut vectors: Vec<Vec<f32>> =
            reply.embeddings.into_iter().map(|embedding| embedding.values).collect();
        // Shortened vectors of this model do not have unit length.
        vectors.iter_mut().for_each(|vector| normalize(vector));
        Ok(vectors)
    }
}

impl Embedder for Gemini {
    fn name(&self) -> &'static str {
        NAME
    }

    fn dimensions(&self) -> usize {
        self.config.dimensions
    }

    fn embed(&self, texts: Vec<String>, purpose: Purpose) -> BoxFuture<'_, Result<Vec<Vec<f32>>, Error>> {
        Box::pin(self.request(texts, purpose))
    }
}

#[derive(Deserialize)]
struct Reply {
    embeddings: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}
