//! Embeddings: the trait, and vectors of unit length.

use crate::{BoxFuture, Error};

/// Turns texts into vectors whose distance tells how alike they are.
pub trait Embedder: Send + Sync {
    /// The vendor's name, for logs and metrics.
    fn name(&self) -> &'static str;

    /// Length of every vector. Vectors of another model or length must never be compared with these.
    fn dimensions(&self) -> usize;

    /// Embeds texts; the vectors come in their order and have unit length.
    fn embed(&self, texts: Vec<String>, purpose: Purpose) -> BoxFuture<'_, Result<Vec<Vec<f32>>, Error>>;
}

/// What the vectors are for. Some models place questions and answers differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Texts to be found later.
    Document,
    /// A text to search with.
    Query,
}

/// Scales a vector to unit length. The zero vector stays as it is.
pub fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 && length.is_finite() {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
}
