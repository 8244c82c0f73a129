//! Server-sent events, decoded from bytes that may be split anywhere.

/// Longest event that is kept.
const MAX_EVENT: usize = 1024 * 1024;

/// The byte order mark that a stream may begin with.
const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// An event or a line is longer than any that a vendor sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("server-sent event exceeds {MAX_EVENT} bytes")]
pub struct TooLong;

/// Finds the `data` of events. Lines end in LF, CRLF or CR; nothing is decoded before its line is complete, so a split
/// inside a code point or between CR and LF does no harm.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    skip_line_feed: bool,
    begun: bool,
}

impl Decoder {
    /// Creates a decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes and calls `each` with the data of every event that they complete.
    ///
    /// # Errors
    /// When an event exceeds 1 MiB; the stream is unusable then.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), TooLong> {
        let mut rest = bytes;
        if !rest.is_empty() && std::mem::take(&mut self.skip_line_feed) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (head, tail) = rest.split_at(end);
            self.line.extend_from_slice(head);
            self.end_line(&mut each)?;
            rest = match tail {
                [b'\r', b'\n', after @ ..] => after,
                [b'\r'] => {
                    self.skip_line_feed = true;
                    &[]
                }
                [_, after @ ..] => after,
                [] => &[],
            };
        }
        if self.line.len() + rest.len() > MAX_EVENT {
            return Err(TooLong);
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }

    /// Ends the stream: calls `each` with an event that no blank line completed, as some servers leave it.
    ///
    /// # Errors
    /// As [`Decoder::push`].
    pub fn finish(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), TooLong> {
        if !self.line.is_empty() {
            self.end_line(&mut each)?;
        }
        self.dispatch(&mut each);
        Ok(())
    }

    fn end_line(&mut self, each: &mut impl FnMut(&[u8])) -> Result<(), TooLong> {
        let mut line = self.line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.line.clear();
            self.dispatch(each);
            return Ok(());
        }
        // A line without a colon is a field with an empty value; one that begins with a colon is a comment.
        let value = match line.strip_prefix(b"data") {
            Some([]) => Some(&[][..]),
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => Some(value),
            _ => None,
        };
        if let Some(value) = value {
            if self.data.len() + value.len() > MAX_EVENT {
                return Err(TooLong);
            }
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        self.line.clear();
        Ok(())
    }

    fn dispatch(&mut self, each: &mut impl FnMut(&[u8])) {
        if std::mem::take(&mut self.has_data) {
            each(&self.data);
            self.data.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_line_endings_comments_fields_and_multi_line_data_are_read() {
        let stream =
            "\u{FEFF}: hello\r\ndata: one\r\n\r\nevent: x\ndata:two\ndata: three\n\nid: 4\r\rdata\r\r";
        assert_eq!(events(stream.as_bytes(), usize::MAX), ["one", "two\nthree", ""]);
    }

    #[test]
    fn an_event_without_its_blank_line_counts_at_the_end_only() {
        let mut decoder = Decoder::new();
        decoder.push(b"data: [DONE]", |_| panic!("not complete")).unwrap();
        let mut found = Vec::new();
        decoder.finish(|data| found.push(data.to_vec())).unwrap();
        assert_eq!(found, [b"[DONE]"]);
    }

    #[test]
    fn fields_that_only_begin_like_data_are_not_data() {
        assert_eq!(events(b"database: 1\ndatum: 2\n\n", usize::MAX), Vec::<String>::new());
    }

    #[test]
    fn an_endless_line_and_an_endless_event_are_refused() {
        let mut decoder = Decoder::new();
        let block = vec![b'x'; MAX_EVENT / 2 + 1];
        decoder.push(&block, |_| {}).unwrap();
        assert_eq!(decoder.push(&block, |_| {}), Err(TooLong));

        let mut decoder = Decoder::new();
        let line = [b"data: ".as_slice(), &block, b"\n"].concat();
        decoder.push(&line, |_| {}).unwrap();
        assert_eq!(decoder.push(&line, |_| {}), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            lines in proptest::collection::vec("(data: ?[a☎é]{0,4}|:c|)", 0..30),
            ending in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            size in 1_usize..6,
        ) {
            let stream: String = lines.iter().flat_map(|line| [line.as_str(), ending]).collect();
            prop_assert_eq!(events(stream.as_bytes(), usize::MAX), events(stream.as_bytes(), size));
        }
    }

    fn events(bytes: &[u8], size: usize) -> Vec<String> {
        let mut decoder = Decoder::new();
        let mut found = Vec::new();
        let mut keep = |data: &[u8]| found.push(String::from_utf8(data.to_vec()).unwrap());
        for piece in bytes.chunks(size) {
            decoder.push(piece, &mut keep).unwrap();
        }
        decoder.finish(&mut keep).unwrap();
        found
    }
}
