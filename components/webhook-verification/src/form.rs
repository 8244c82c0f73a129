//! Decoding of `application/x-www-form-urlencoded` bodies.

/// The fields of `body` in arrival order, decoded once: `+` is a space, `%` and two hex digits are
/// a byte, the whole is UTF-8. A field without `=` has an empty value.
///
/// # Errors
///
/// A sentence that names the field by its position. Nothing of the body is repeated in it, because
/// bodies hold numbers and what people said.
pub(crate) fn decode(body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let pieces = body.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    pieces.enumerate().map(|(position, piece)| field(piece, position + 1)).collect()
}

fn field(piece: &[u8], position: usize) -> Result<(String, String), String> {
    let mut halves = piece.splitn(2, |byte| *byte == b'=');
    let key = halves.next().unwrap_or_default();
    let value = halves.next().unwrap_or_default();
    let text = |raw| text(raw).map_err(|fault| format!("form field {position} {fault}"));
    Ok((text(key)?, text(value)?))
}

fn text(raw: &[u8]) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => escaped(rest.next(), rest.next()).ok_or("has a percent sign without two hex digits")?,
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8")
}

fn escaped(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high?)? << 4 | digit(low?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_decoded_once_and_keep_their_order() {
        assert_eq!(
            decode(b"b=%2B1+%28555%29&a=&a=x%3Dy=z&flag&&%C3%BC=%252B&=v"),
            Ok([("b", "+1 (555)"), ("a", ""), ("a", "x=y=z"), ("flag", ""), ("ü", "%2B"), ("", "v")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec())
        );
        assert_eq!(decode(b""), Ok(Vec::new()));
    }

    #[test]
    fn faults_name_the_field_and_not_its_content() {
        for broken in ["%", "%4", "%zz", "%+1", "%4%31"] {
            assert_eq!(
                decode(format!("a=1&secret={broken}").as_bytes()),
                Err("form field 2 has a percent sign without two hex digits".to_owned()),
                "{broken}"
            );
        }
        assert_eq!(decode(b"a=%ff"), Err("form field 1 is not UTF-8".to_owned()));
        assert_eq!(decode(b"\xc3=1"), Err("form field 1 is not UTF-8".to_owned()));
    }

    proptest! {
        #[test]
        fn what_another_encoder_writes_is_read_back(fields: Vec<(String, String)>) {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            prop_assert_eq!(decode(body.as_bytes()), Ok(fields));
        }

        #[test]
        fn what_is_accepted_reads_as_another_decoder_reads_it(body in "[a-c=&%+0-9A-F]{0,40}") {
            let theirs: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            if let Ok(ours) = decode(body.as_bytes()) {
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
