//! What machines say when they answer a telephone, and what people say.

use crate::words::words;

/// What a phrase is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Nobody but a voicemail says it.
    Voicemail,
    /// Voicemails say it, and people do.
    Absence,
    /// A menu of keys.
    Menu,
    /// The carrier's announcement that nobody can be reached at the number.
    Unreachable,
    /// Whoever says it waits for an answer.
    Person,
}

/// The phrases that were heard, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs(u128);

impl Signs {
    /// The signs in `text`.
    pub(crate) fn of(text: &str) -> Self {
        let words: Vec<String> = words(text).collect();
        let text = format!(" {} ", words.join(" "));
        let mut signs = Self::default();
        for (index, (_, phrase)) in PHRASES.iter().enumerate() {
            if text.contains(phrase) {
                signs.0 |= 1 << index;
            }
        }
        if offers_keys(&words) {
            signs.0 |= 1 << PHRASES.len();
        }
        signs
    }

    /// Adds those of another text.
    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// How many different phrases are a sign of `sign`.
    pub(crate) fn n(self, sign: Sign) -> usize {
        let kinds = PHRASES.iter().map(|(kind, _)| *kind).chain([Sign::Menu]).enumerate();
        kinds.filter(|(index, kind)| *kind == sign && self.0 >> index & 1 == 1).count()
    }
}

/// Whether words are no more than what people say to find out who is there.
pub(crate) fn is_hello(text: &str) -> bool {
    words(text).all(|word| HELLOS.contains(&word.as_str()))
}

/// "For sales, press 1", "para español oprima el 2".
fn offers_keys(words: &[String]) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let after = words.iter().skip(at + 1).take(KEY_WITHIN);
        PRESSING.contains(&word.as_str()) && after.into_iter().any(|word| KEYS.contains(&word.as_str()))
    })
}

/// "Drücken Sie bitte die 1": the key is the fourth word behind the verb.
const KEY_WITHIN: usize = 4;
const PRESSING: &[&str] =
    &["press", "dial", "oprima", "marque", "pulse", "presione", "drücken", "wählen", "appuyez", "tapez"];
const KEYS: &[&str] = &[
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "zero", "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "star", "pound", "hash", "uno", "dos", "tres", "cuatro", "eins", "zwei",
    "drei", "vier", "un", "deux", "trois", "quatre",
];

const HELLOS: &[&str] = &[
    "hello",
    "hi",
    "hey",
    "hiya",
    "yes",
    "yeah",
    "yep",
    "yo",
    "uh",
    "um",
    "good",
    "morning",
    "afternoon",
    "evening",
    "day",
    "hallo",
    "ja",
    "guten",
    "tag",
    "morgen",
    "abend",
    "hola",
    "sí",
    "si",
    "bueno",
    "diga",
    "dígame",
    "buenos",
    "buenas",
    "días",
    "tardes",
    "allo",
    "allô",
    "oui",
    "bonjour",
    "bonsoir",
];

/// As [`words`] gives them, with a space on either side, none within another: English,
/// German, Spanish and French.
const PHRASES: &[(Sign, &str)] = &[
    (Sign::Voicemail, " leave a message "),
    (Sign::Voicemail, " leave me a message "),
    (Sign::Voicemail, " leave us a message "),
    (Sign::Voicemail, " leave your message "),
    (Sign::Voicemail, " leave your name "),
    (Sign::Voicemail, " leave a detailed message "),
    (Sign::Voicemail, " leave a brief message "),
    (Sign::Voicemail, " record your message "),
    (Sign::Voicemail, " after the tone "),
    (Sign::Voicemail, " after the beep "),
    (Sign::Voicemail, " at the tone "),
    (Sign::Voicemail, " at the beep "),
    (Sign::Voicemail, " voicemail "),
    (Sign::Voicemail, " voice mail "),
    (Sign::Voicemail, " voice messaging "),
    (Sign::Voicemail, " voice message system "),
    (Sign::Voicemail, " answering machine "),
    (Sign::Voicemail, " mailbox "),
    (Sign::Voicemail, " mail box "),
    (Sign::Voicemail, " the person you are calling "),
    (Sign::Voicemail, " the person youre calling "),
    (Sign::Voicemail, " the person you are trying to reach "),
    (Sign::Voicemail, " the person youre trying to reach "),
    (Sign::Voicemail, " nachricht hinterlassen "),
    (Sign::Voicemail, " hinterlassen sie "),
    (Sign::Voicemail, " nach dem signalton "),
    (Sign::Voicemail, " nach dem piepton "),
    (Sign::Voicemail, " nach dem ton "),
    (Sign::Voicemail, " anrufbeantworter "),
    (Sign::Voicemail, " deje un mensaje "),
    (Sign::Voicemail, " deje su mensaje "),
    (Sign::Voicemail, " deja un mensaje "),
    (Sign::Voicemail, " deja tu mensaje "),
    (Sign::Voicemail, " después del tono "),
    (Sign::Voicemail, " después de la señal "),
    (Sign::Voicemail, " buzón de voz "),
    (Sign::Voicemail, " contestador "),
    (Sign::Voicemail, " laissez un message "),
    (Sign::Voicemail, " laisser un message "),
    (Sign::Voicemail, " laissezmoi un message "),
    (Sign::Voicemail, " après le bip "),
    (Sign::Voicemail, " après le signal "),
    (Sign::Voicemail, " messagerie vocale "),
    (Sign::Voicemail, " boîte vocale "),
    (Sign::Voicemail, " répondeur "),
    (Sign::Absence, " not available "),
    (Sign::Absence, " unavailable "),
    (Sign::Absence, " unable to take your call "),
    (Sign::Absence, " cant take your call "),
    (Sign::Absence, " cannot take your call "),
    (Sign::Absence, " cant answer your call "),
    (Sign::Absence, " unable to answer your call "),
    (Sign::Absence, " cant come to the phone "),
    (Sign::Absence, " cannot come to the phone "),
    (Sign::Absence, " missed your call "),
    (Sign::Absence, " you have reached "),
    (Sign::Absence, " youve reached "),
    (Sign::Absence, " get back to you "),
    (Sign::Absence, " call you back "),
    (Sign::Absence, " return your call "),
    (Sign::Absence, " as soon as possible "),
    (Sign::Absence, " nicht erreichbar "),
    (Sign::Absence, " nicht zu erreichen "),
    (Sign::Absence, " nicht ans telefon "),
    (Sign::Absence, " rufe zurück "),
    (Sign::Absence, " no está disponible "),
    (Sign::Absence, " no puedo atender "),
    (Sign::Absence, " no podemos atender "),
    (Sign::Absence, " nest pas disponible "),
    (Sign::Absence, " ne suis pas disponible "),
    (Sign::Absence, " ne peux pas vous répondre "),
    (Sign::Absence, " vous êtes bien chez "),
    (Sign::Absence, " vous rappellerai "),
    (Sign::Menu, " main menu "),
    (Sign::Menu, " following options "),
    (Sign::Menu, " menu options "),
    (Sign::Menu, " your extension "),
    (Sign::Menu, " partys extension "),
    (Sign::Menu, " listen carefully "),
    (Sign::Menu, " siguientes opciones "),
    (Sign::Menu, " menú principal "),
    (Sign::Menu, " hauptmenü "),
    (Sign::Menu, " menu principal "),
    (Sign::Unreachable, " not in service "),
    (Sign::Unreachable, " no longer in service "),
    (Sign::Unreachable, " out of service "),
    (Sign::Unreachable, " has been disconnected "),
    (Sign::Unreachable, " cannot be completed as dialed "),
    (Sign::Unreachable, " number you have dialed "),
    (Sign::Unreachable, " number you dialed "),
    (Sign::Unreachable, " kein anschluss unter dieser nummer "),
    (Sign::Unreachable, " rufnummer ist nicht vergeben "),
    (Sign::Unreachable, " el número que usted marcó "),
    (Sign::Unreachable, " numéro que vous avez composé "),
    (Sign::Unreachable, " numéro que vous avez demandé "),
    (Sign::Person, " how may i help "),
    (Sign::Person, " how can i help "),
    (Sign::Person, " may i help you "),
    (Sign::Person, " can i help you "),
    (Sign::Person, " what can i do for you "),
    (Sign::Person, " how may i direct "),
    (Sign::Person, " who is calling "),
    (Sign::Person, " whos calling "),
    (Sign::Person, " who is this "),
    (Sign::Person, " whos this "),
    (Sign::Person, " can i take a message "),
    (Sign::Person, " may i take a message "),
    (Sign::Person, " speaking "),
    (Sign::Person, " am apparat "),
    (Sign::Person, " was kann ich für sie tun "),
    (Sign::Person, " wie kann ich ihnen helfen "),
    (Sign::Person, " en qué puedo ayudar "),
    (Sign::Person, " en qué le puedo ayudar "),
    (Sign::Person, " que puisje faire "),
    (Sign::Person, " comment puisje vous aider "),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_has_a_place_and_is_found_as_it_is_written() {
        assert!(PHRASES.len() < 128);
        for (sign, phrase) in PHRASES {
            assert_eq!(format!(" {} ", words(phrase).collect::<Vec<_>>().join(" ")), *phrase);
            assert_eq!(Signs::of(phrase).n(*sign), 1, "{phrase}");
        }
    }

    #[test]
    fn a_phrase_counts_once_however_often_it_is_said() {
        let mut signs = Signs::of("Leave a message after the beep.");
        signs.add(Signs::of("Please leave a message!"));
        assert_eq!(signs.n(Sign::Voicemail), 2);
    }

    #[test]
    fn keys_are_offered_in_any_order_and_language() {
        for text in [
            "For sales, press 1.",
            "Press star for the operator",
            "Para español, oprima el dos.",
            "Drücken Sie bitte die 1",
            "Pour le français, appuyez sur le 2",
        ] {
            assert_eq!(Signs::of(text).n(Sign::Menu), 1, "{text}");
        }
        assert_eq!(Signs::of("I work for the press, hello.").n(Sign::Menu), 0);
    }

    #[test]
    fn a_name_is_more_than_a_hello() {
        assert!(is_hello("Hello? Hello?") && is_hello("Yes, good morning.") && is_hello("Hallo?"));
        assert!(!is_hello("Yes, Smith speaking."));
    }
}
