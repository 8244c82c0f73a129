//! Embeds, ranks and extracts what is remembered of a customer.
