//! Multipart forms (RFC 7578), as far as an upload needs them.

/// One field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content: &'a [u8],
}

/// The fields of `body`, or nothing where it is no well-formed form.
pub(super) fn parse<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Field<'a>>> {
    let rest = content_type.strip_prefix("multipart/form-data")?;
    let boundary = parameter(rest, "boundary").filter(|boundary| !boundary.is_empty())?;
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    let first = delimiter.get(2..)?;
    let mut rest = body.strip_prefix(first)?;
    let mut fields = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = find(part, &delimiter)?;
        fields.push(field(part.get(..end)?)?);
        rest = part.get(end + delimiter.len()..)?;
    }
    rest.starts_with(b"--").then_some(fields)
}

fn field(part: &[u8]) -> Option<Field<'_>> {
    let end = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(part.get(..end)?).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    Some(Field {
        name: parameter(disposition, "name")?,
        file_name: parameter(disposition, "filename"),
        content: part.get(end + 4..)?,
    })
}

fn parameter(text: &str, name: &str) -> Option<String> {
    text.split(';').find_map(|piece| {
        let (key, value) = piece.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--x1\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
        --x1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
        RI\r\nFF\r\n--x1--\r\n";

    #[test]
    fn fields_are_read_byte_for_byte() {
        let fields = parse("multipart/form-data; boundary=x1", FORM).unwrap();
        assert_eq!((fields[0].name.as_str(), fields[0].content), ("model", &b"whisper-1"[..]));
        assert_eq!(fields[1].file_name.as_deref(), Some("a.wav"));
        assert_eq!(fields[1].content, b"RI\r\nFF");
    }

    #[test]
    fn a_form_without_its_end_is_none() {
        assert_eq!(parse("multipart/form-data; boundary=x1", &FORM[..FORM.len() - 8]), None);
        assert_eq!(parse("multipart/form-data", FORM), None);
    }
}
