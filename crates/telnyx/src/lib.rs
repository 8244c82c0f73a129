//! What Telnyx's Call Control is told, and what it answers, as types.
//!
//! A [`Command`] is one action on one leg of a call: [`Answer`], [`Speak`], [`Transfer`] and so on build one, and refuse
//! what Telnyx would refuse, before a caller waits for it. [`Dial`] places a call. [`action_path`] says where a command
//! goes; [`Refused`] and [`Dialled`] read the answers. [`ClientState`] is what we let Telnyx carry for us from a command
//! to the webhooks that follow it. Nothing here does I/O, so it runs in a component as it runs in the host.
//!
//! The names, defaults and limits are those of Telnyx's SDK for Python, version 4.189.0, and of
//! <https://developers.telnyx.com/api-reference>.
//!
//! ```
//! use telnyx::{Answer, ClientState, Codec, Command, Stream, action_path};
//!
//! let stream = Stream::new("wss://media.example.com/media/telnyx/token").unwrap().talk(Codec::Pcmu);
//! let state = ClientState::of_call("0198a1b2").unwrap();
//! let command = Command::from(Answer::new().stream(stream)).client_state(&state);
//!
//! let path = action_path("v3:a/b", command.action().as_str()).unwrap();
//! assert_eq!(path, "/calls/v3%3Aa%2Fb/actions/answer");
//! assert_eq!(command.body()["stream_bidirectional_codec"], "PCMU");
//! ```

mod answer;
mod answers;
mod body;
mod client_state;
mod command;
mod dial;
mod path;
mod plain;
mod record;
mod speak;
mod stream;
mod transfer;

pub use answer::{Answer, StreamingStart};
pub use answers::{ALREADY_ENDED, Dialled, Fault, Refused};
pub use body::OutOfLimits;
pub use client_state::{CLIENT_STATE_BYTES_MAX, ClientState, decode_state, encode_state};
pub use command::{Action, Command, UnknownAction, with_command_id};
pub use dial::{Dial, MachineDetection};
pub use path::{API_BASE, DIAL_PATH, action_path};
pub use plain::{Bridge, Cause, Hangup, Reject, SendDtmf};
pub use record::{Channels, Format, RecordStart, RecordStop};
pub use speak::Speak;
pub use stream::{Codec, Stream, Track};
pub use transfer::Transfer;
