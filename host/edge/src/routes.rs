//! Which trigger answers a path, by Spin's rules: segment by segment a literal beats a `:name`, and that beats the trailing `...`.

use std::borrow::Cow;
use std::cmp::Ordering;

/// Paths that the runner answers itself.
pub(crate) const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";

/// What is wrong with a route.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error("route `{route}`: {reason}")]
pub struct Error {
    route: String,
    reason: &'static str,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    Exact(String),
    Parameter(String),
    Rest,
    Slash,
    /// A dot after a parameter, as in `/:name.json`; other dots are part of a literal.
    Dot,
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Self::Exact(_) => 3,
            Self::Parameter(_) => 2,
            Self::Rest => 1,
            Self::Slash | Self::Dot => 0,
        }
    }
}

/// A route and what it leads to.
#[derive(Debug)]
struct Entry<T> {
    pattern: String,
    segments: Vec<Segment>,
    target: T,
}

/// The public routes of an application, best match first.
#[derive(Debug)]
pub(crate) struct Router<T> {
    entries: Vec<Entry<T>>,
}

/// A route that was replaced by a later one with the same text.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Duplicate<T> {
    pub(crate) pattern: String,
    pub(crate) replaced: T,
}

/// A path that met a route.
#[derive(Debug)]
pub(crate) struct Matched<'a, T> {
    pub(crate) target: &'a T,
    /// The route as the manifest writes it.
    pub(crate) pattern: &'a str,
    /// What the named segments captured, in order. As in the path: not percent-decoded.
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    /// What the trailing wildcard captured, with its leading slash.
    pub(crate) path_info: Cow<'a, str>,
}

impl<T> Router<T> {
    /// Builds a router; of two routes with the same text the last wins, and the first is returned as a duplicate.
    pub(crate) fn build(
        routes: impl IntoIterator<Item = (String, T)>,
    ) -> Result<(Self, Vec<Duplicate<T>>), Error> {
        let mut entries: Vec<Entry<T>> = Vec::new();
        let mut duplicates = Vec::new();
        for (pattern, target) in routes {
            let segments = parse(&pattern)?;
            match entries.iter_mut().find(|entry| entry.pattern == pattern) {
                Some(entry) => {
                    let replaced = std::mem::replace(&mut entry.target, target);
                    duplicates.push(Duplicate { pattern, replaced });
                }
                None => entries.push(Entry { pattern, segments, target }),
            }
        }
        entries.sort_by(|one, other| compare(&one.segments, &other.segments));
        Ok((Self { entries }, duplicates))
    }

    /// The best route for a path.
    pub(crate) fn find<'a>(&'a self, path: &'a str) -> Option<Matched<'a, T>> {
        let trimmed = path.trim_matches('/');
        self.entries.iter().find_map(|entry| {
            let captured = capture(&entry.segments, trimmed)?;
            Some(Matched {
                target: &entry.target,
                pattern: &entry.pattern,
                parameters: captured.parameters,
                path_info: captured.rest.map(|rest| path_info(rest, path)).unwrap_or_default(),
            })
        })
    }
}

/// Spin keeps a trailing slash in what the wildcard captured, and puts a leading one before it.
fn path_info<'a>(rest: &'a str, path: &str) -> Cow<'a, str> {
    match (rest.is_empty(), path.ends_with('/')) {
        (true, false) => Cow::Borrowed(""),
        (true, true) => Cow::Borrowed("/"),
        (false, false) => Cow::Owned(format!("/{rest}")),
        (false, true) => Cow::Owned(format!("/{rest}/")),
    }
}

fn parse(pattern: &str) -> Result<Vec<Segment>, Error> {
    let error = |reason| Error { route: pattern.to_owned(), reason };
    let (literal, rest) = match pattern.strip_suffix("/...").or_else(|| pattern.strip_suffix("/*")) {
        Some(prefix) => (prefix, true),
        None if pattern == "..." || pattern == "*" => ("", true),
        None => (pattern, false),
    };
    let mut segments = Vec::new();
    for section in literal.trim_matches('/').split('/') {
        if section.is_empty() {
            if literal.trim_matches('/').is_empty() {
                break;
            }
            return Err(error("has an empty segment"));
        }
        if !segments.is_empty() {
            segments.push(Segment::Slash);
        }
        parse_section(section, &mut segments).map_err(error)?;
    }
    if rest {
        if !segments.is_empty() {
            segments.push(Segment::Slash);
        }
        segments.push(Segment::Rest);
    }
    Ok(segments)
}

fn parse_section(section: &str, segments: &mut Vec<Segment>) -> Result<(), &'static str> {
    let mut pieces = section.split('.').peekable();
    let mut literal = String::new();
    while let Some(piece) = pieces.next() {
        let parameter = piece.strip_prefix(':');
        if let Some(name) = parameter {
            if name.is_empty() {
                return Err("has a `:` without a name");
            }
            if !literal.is_empty() {
                segments.push(Segment::Exact(std::mem::take(&mut literal)));
            }
            segments.push(Segment::Parameter(name.to_owned()));
        } else if piece.contains('*') {
            return Err("has a `*` that is not the last segment");
        } else {
            literal.push_str(piece);
        }
        if pieces.peek().is_some() {
            if parameter.is_some() {
                segments.push(Segment::Dot);
            } else {
                literal.push('.');
            }
        }
    }
    if !literal.is_empty() {
        segments.push(Segment::Exact(literal));
    }
    Ok(())
}

fn compare(one: &[Segment], other: &[Segment]) -> Ordering {
    let dots = |segments: &[Segment]| segments.iter().filter(|segment| **segment == Segment::Dot).count();
    one.iter()
        .zip(other)
        .map(|(mine, theirs)| theirs.rank().cmp(&mine.rank()))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| dots(other).cmp(&dots(one)).then(one.len().cmp(&other.len())))
}

struct Captured<'a> {
    parameters: Vec<(&'a str, &'a str)>,
    rest: Option<&'a str>,
}

fn capture<'a>(segments: &'a [Segment], path: &'a str) -> Option<Captured<'a>> {
    let mut captured = Captured { parameters: Vec::new(), rest: None };
    let mut left = path;
    let mut following = segments.iter().peekable();
    while let Some(segment) = following.next() {
        left = match segment {
            Segment::Exact(text) => left.strip_prefix(text.as_str())?,
            Segment::Dot => left.strip_prefix('.')?,
            Segment::Parameter(name) => {
                let end = match following.peek() {
                    Some(Segment::Dot) => {
                        left.find(['.', '/']).filter(|end| left.as_bytes().get(*end) == Some(&b'.'))?
                    }
                    _ => left.find('/').unwrap_or(left.len()),
                };
                let (value, after) = left.split_at(end);
                if value.is_empty() {
                    return None;
                }
                captured.parameters.push((name.as_str(), value));
                after
            }
            Segment::Slash if left.is_empty() && following.peek() == Some(&&Segment::Rest) => left,
            Segment::Slash => left.strip_prefix('/')?,
            Segment::Rest => {
                captured.rest = Some(left);
                ""
            }
        };
    }
    left.is_empty().then_some(captured)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_more_specific_route_wins_whatever_the_order() {
        let routes = ["/...", "/one/...", "/one/two/...", "/one/:x", "/one/two", "/:a/two", "/one/two/three"];
        let cases = [
            ("/", "/..."),
            ("/zero", "/..."),
            ("/one", "/one/..."),
            ("/one/2", "/one/:x"),
            ("/one/two", "/one/two"),
            ("/one/two/", "/one/two"),
            ("/one/two/three", "/one/two/three"),
            ("/one/two/four", "/one/two/..."),
            ("/one/2/three", "/one/..."),
            ("/zero/two", "/:a/two"),
            ("/zero/one", "/..."),
        ];
        for rotation in 0..routes.len() {
            let mut shuffled = routes;
            shuffled.rotate_left(rotation);
            let router = router(&shuffled);
            for (path, expected) in cases {
                assert_eq!(router.find(path).unwrap().pattern, expected, "{path} in {shuffled:?}");
            }
        }
    }

    #[test]
    fn a_path_without_a_route_finds_nothing() {
        let router = router(&["/", "/a", "/b/:c", "/d.json"]);
        for path in ["/x", "/ab", "/a/b", "/b", "/b/", "/b/c/d", "/dxjson", "//a//b"] {
            assert!(router.find(path).is_none(), "{path}");
        }
        assert_eq!(router.find("/").unwrap().pattern, "/");
        assert_eq!(router.find("").unwrap().pattern, "/");
    }

    #[test]
    fn the_trailing_wildcard_keeps_its_slashes() {
        let cases = [
            ("/test/...", "/test", ""),
            ("/test/...", "/test/", "/"),
            ("/test/...", "/test/hello", "/hello"),
            ("/test/...", "/test/hello/", "/hello/"),
            ("/test/*", "/test/a/b", "/a/b"),
            ("/...", "/1/2/3", "/1/2/3"),
            ("/...", "/", "/"),
            ("/:x/...", "/1/2", "/2"),
            ("/test", "/test", ""),
        ];
        for (route, path, expected) in cases {
            assert_eq!(router(&[route]).find(path).unwrap().path_info, expected, "{route} {path}");
        }
    }

    #[test]
    fn named_segments_are_captured_as_they_stand_in_the_path() {
        type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);
        let cases: [Case<'_>; 6] = [
            ("/1/:two/3", "/1/2/3", &[("two", "2")]),
            ("/:a/:b", "/x.y/%20z", &[("a", "x.y"), ("b", "%20z")]),
            ("/hooks/:provider/...", "/hooks/twilio/voice/in", &[("provider", "twilio")]),
            ("/:name.json", "/calls.json", &[("name", "calls")]),
            ("/v1.:minor/x", "/v1.7/x", &[("minor", "7")]),
            ("/:a.:b", "/x.y.z", &[("a", "x"), ("b", "y.z")]),
        ];
        for (route, path, expected) in cases {
            assert_eq!(router(&[route]).find(path).unwrap().parameters, expected, "{route} {path}");
        }
    }

    #[test]
    fn of_two_equal_routes_the_last_wins_and_the_first_is_reported() {
        let routes = [("/foo", "first"), ("/bar", "other"), ("/foo", "second")];
        let (router, duplicates) =
            Router::build(routes.map(|(route, target)| (route.to_owned(), target))).unwrap();

        assert_eq!(*router.find("/foo").unwrap().target, "second");
        assert_eq!(duplicates, [Duplicate { pattern: "/foo".to_owned(), replaced: "first" }]);
    }

    #[test]
    fn malformed_routes_are_refused_by_name() {
        for (route, reason) in [
            ("/a//b", "has an empty segment"),
            ("/:", "has a `:` without a name"),
            ("/a/*b", "has a `*` that is not the last segment"),
            ("/*/b", "has a `*` that is not the last segment"),
        ] {
            let error = Router::build([(route.to_owned(), ())]).err().unwrap().to_string();
            assert_eq!(error, format!("route `{route}`: {reason}"));
        }
    }

    #[test]
    fn a_path_longer_than_any_literal_does_not_meet_it() {
        assert!(router(&["/foo"]).find("/foobar").is_none());
        assert!(router(&["/foo/:x"]).find("/foobar").is_none());
        assert!(router(&["/foo/..."]).find("/foobar").is_none());
    }

    proptest! {
        #[test]
        fn the_order_of_routes_does_not_matter_and_the_best_one_is_the_most_literal(
            routes in proptest::collection::btree_set(pattern(), 1..8),
            path in "(/[abc]){1,4}",
            seed in any::<prop::sample::Index>(),
        ) {
            let mut shuffled: Vec<&str> = routes.iter().map(String::as_str).collect();
            let forwards = router(&shuffled);
            let turn = seed.index(shuffled.len());
            shuffled.rotate_left(turn);
            shuffled.reverse();
            let backwards = router(&shuffled);

            let found = forwards.find(&path).map(|matched| matched.pattern.to_owned());

            prop_assert_eq!(&found, &backwards.find(&path).map(|matched| matched.pattern.to_owned()));
            prop_assert_eq!(found.is_some(), routes.iter().any(|route| fits(route, &path)));
            if routes.contains(&path) {
                prop_assert_eq!(found, Some(path));
            }
        }

        #[test]
        fn captures_put_the_path_together_again(path in "(/[a-c.]{1,3}){2,5}/?") {
            let router = router(&["/:one/:two/..."]);
            let matched = router.find(&path).unwrap();

            let [(_, one), (_, two)] = matched.parameters.as_slice() else { panic!("{matched:?}") };

            prop_assert_eq!(format!("/{one}/{two}{}", matched.path_info), path);
        }
    }

    /// Patterns that name their parameters after their place, so that two that mean the same are the same.
    fn pattern() -> impl Strategy<Value = String> {
        let segments = proptest::collection::vec(prop_oneof!["[abc]".prop_map(Some), Just(None)], 1..4);
        (segments, any::<bool>()).prop_map(|(segments, rest)| {
            let mut pattern = String::new();
            for (place, segment) in segments.into_iter().enumerate() {
                pattern.push('/');
                pattern.push_str(&segment.unwrap_or_else(|| format!(":p{place}")));
            }
            if rest {
                pattern.push_str("/...");
            }
            pattern
        })
    }

    /// What a route means, without looking for the best.
    fn fits(route: &str, path: &str) -> bool {
        let (route, rest) = match route.strip_suffix("/...") {
            Some(prefix) => (prefix, true),
            None => (route, false),
        };
        let (wanted, found): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
        (wanted.len() == found.len() || (rest && wanted.len() < found.len()))
            && wanted.iter().zip(&found).all(|(wanted, found)| wanted.starts_with(':') || wanted == found)
    }

    fn router(routes: &[&str]) -> Router<()> {
        Router::build(routes.iter().map(|route| ((*route).to_owned(), ()))).unwrap().0
    }
}
