//! The stamp: what a component was built for, and with what.

use semver::Version;

use crate::limits::StampRule;
use crate::refusal::{Code, Refusal};

/// The custom section of the component, not of a module in it, that holds the stamp.
pub const SECTION: &str = "voicehive:abi";

/// The most bytes of the section.
const MAX_BYTES: usize = 1024;
/// The most bytes of the name of what built the component.
const MAX_SDK_BYTES: usize = 64;

/// What a component was built for.
///
/// The section holds a line for each field, `contract=0.1.0`. Fields that are not known are passed over, so that later
/// stamps can say more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The version of `voicehive:tool` that it exports.
    pub contract: Version,
    /// The oldest platform that it runs on.
    pub host: Version,
    /// What it was built with, 1 to 64 printable ASCII bytes: for example `tool-sdk 0.1.0`.
    pub sdk: String,
}

impl Stamp {
    /// `component` with this stamp after everything else. One that has a stamp already gets a second, which the gate
    /// refuses.
    pub fn append(&self, component: &[u8]) -> Vec<u8> {
        let text = format!("contract={}\nhost={}\nsdk={}\n", self.contract, self.host, self.sdk);
        let mut section = length(SECTION.len());
        section.extend_from_slice(SECTION.as_bytes());
        section.extend_from_slice(text.as_bytes());
        let mut stamped = component.to_vec();
        stamped.push(0);
        stamped.extend(length(section.len()));
        stamped.extend(section);
        stamped
    }

    fn parse(data: &[u8]) -> Result<Self, String> {
        if data.len() > MAX_BYTES {
            return Err(format!("it has {} bytes, at most {MAX_BYTES} are read", data.len()));
        }
        let text = std::str::from_utf8(data).map_err(|_| "it is not UTF-8")?;
        let sdk = field(text, "sdk")?;
        if sdk.is_empty()
            || sdk.len() > MAX_SDK_BYTES
            || !sdk.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return Err(format!("`sdk` is not 1 to {MAX_SDK_BYTES} printable ASCII bytes"));
        }
        Ok(Self { contract: version(text, "contract")?, host: version(text, "host")?, sdk: sdk.to_owned() })
    }
}

pub(crate) fn check(
    data: Option<&[u8]>,
    rule: StampRule,
    exported: &Version,
) -> Result<Option<Stamp>, Refusal> {
    let mend = "build with `voicehive tool build`, which stamps the component";
    let Some(data) = data else {
        return match rule {
            StampRule::Optional => Ok(None),
            StampRule::Required => {
                Err(Refusal::new(Code::StampMissing, format!("there is no section `{SECTION}`"), mend))
            }
        };
    };
    let bad =
        |why: String| Refusal::new(Code::BadStamp, format!("the section `{SECTION}` is wrong: {why}"), mend);
    let stamp = Stamp::parse(data).map_err(bad)?;
    if stamp.contract != *exported {
        return Err(bad(format!("it names contract {}, the component exports {exported}", stamp.contract)));
    }
    let here = env!("CARGO_PKG_VERSION");
    if Version::parse(here).is_ok_and(|here| stamp.host > here) {
        let item = format!("the component asks for platform {}, this is {here}", stamp.host);
        return Err(Refusal::new(
            Code::HostTooOld,
            item,
            "build it for this platform, or upload it to a newer one",
        ));
    }
    Ok(Some(stamp))
}

fn field<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    let mut values = text.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| *key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Ok(value),
        (None, _) => Err(format!("`{name}` is missing")),
        (Some(_), Some(_)) => Err(format!("`{name}` is there twice")),
    }
}

fn version(text: &str, name: &str) -> Result<Version, String> {
    let value = field(text, name)?;
    Version::parse(value).map_err(|_| format!("`{name}` is no version of the form 1.2.3"))
}

/// A length as WebAssembly writes it: seven bits a byte, the lowest first.
fn length(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(data: &[u8]) -> Code {
        check(Some(data), StampRule::Optional, &Version::new(0, 1, 0)).unwrap_err().code
    }

    #[test]
    fn a_stamp_is_read_back_and_may_say_more() {
        let text = b"contract=0.1.0\nhost=0.1.0\nsdk=tool-sdk 0.1.0\nlanguage=rust\n";
        let stamp = check(Some(text), StampRule::Required, &Version::new(0, 1, 0)).unwrap().unwrap();
        assert_eq!(stamp.sdk, "tool-sdk 0.1.0");
    }

    #[test]
    fn a_wrong_stamp_is_refused() {
        for text in [
            "",
            "contract=0.1.0\nhost=0.1.0\n",
            "contract=0.1.0\nhost=0.1\nsdk=x\n",
            "contract=0.1.0\nhost=0.1.0\nsdk=\n",
            "contract=0.1.1\nhost=0.1.0\nsdk=x\n",
            "contract=0.1.0\ncontract=0.1.0\nhost=0.1.0\nsdk=x\n",
            "contract=0.1.0\nhost=0.1.0\nsdk=a\tb\n",
        ] {
            assert_eq!(code(text.as_bytes()), Code::BadStamp, "{text:?}");
        }
        assert_eq!(code(b"\xff"), Code::BadStamp);
        assert_eq!(code(&[b'\n'; 1025]), Code::BadStamp);
        assert_eq!(code(b"contract=0.1.0\nhost=999.0.0\nsdk=x\n"), Code::HostTooOld);
    }

    #[test]
    fn lengths_are_written_seven_bits_at_a_time() {
        assert_eq!(length(0), [0]);
        assert_eq!(length(127), [127]);
        assert_eq!(length(128), [0x80, 1]);
    }
}
