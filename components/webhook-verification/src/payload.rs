//! What a configured HMAC signs: text with placeholders.

/// A piece of what is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece<'a> {
    /// Text as it stands.
    Text(&'a str),
    /// The body.
    Body,
    /// The timestamp's header.
    Timestamp,
    /// The request's method.
    Method,
    /// The public URL.
    Url,
    /// The header with the message's id.
    MessageId,
}

/// The pieces of `format`, in order. An opening brace always begins a placeholder.
///
/// # Errors
///
/// A sentence saying that there is something else in braces.
pub(crate) fn read(format: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some((text, after)) = rest.split_once('{') {
        pieces.push(Piece::Text(text));
        let (name, after) = after.split_once('}').ok_or(FAULT)?;
        pieces.push(placeholder(name).ok_or(FAULT)?);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    Ok(pieces)
}

fn placeholder(name: &str) -> Option<Piece<'static>> {
    match name {
        "body" => Some(Piece::Body),
        "timestamp" => Some(Piece::Timestamp),
        "method" => Some(Piece::Method),
        "url" => Some(Piece::Url),
        "svix-id" => Some(Piece::MessageId),
        _ => None,
    }
}

const FAULT: &str = "braces in the payload hold one of body, timestamp, method, url and svix-id";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn placeholders_and_text_are_told_apart() {
        assert_eq!(read("{timestamp}.{body}"), Ok(vec![Piece::Timestamp, Piece::Text("."), Piece::Body]));
        assert_eq!(
            read("v0:{method}{url}|{svix-id}}"),
            Ok(vec![
                Piece::Text("v0:"),
                Piece::Method,
                Piece::Url,
                Piece::Text("|"),
                Piece::MessageId,
                Piece::Text("}")
            ])
        );
        assert_eq!(read(""), Ok(Vec::new()));
    }

    #[test]
    fn anything_else_in_braces_is_a_fault() {
        for wrong in ["{", "{body", "{Body}", "{}", "{{body}}", "{ body }", "{headers}"] {
            assert_eq!(read(wrong), Err(FAULT.to_owned()), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_format_is_lost(format in "([a-z.:|]{0,3}|\\{(body|timestamp|method|url|svix-id|\\PC{0,3})\\}?){0,6}") {
            if let Ok(pieces) = read(&format) {
                let written: String = pieces.into_iter().map(written).collect();
                prop_assert_eq!(written, format);
            }
        }
    }

    fn written(piece: Piece<'_>) -> String {
        match piece {
            Piece::Text(text) => text,
            Piece::Body => "{body}",
            Piece::Timestamp => "{timestamp}",
            Piece::Method => "{method}",
            Piece::Url => "{url}",
            Piece::MessageId => "{svix-id}",
        }
        .to_owned()
    }
}
