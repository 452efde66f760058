//! Tokens: JSON Web Tokens by which a browser proves who its user is without a
//! stored key (compatibility reference, browsers §2.2). A token is signed with
//! HS256 and the tenant's key followed by its dev_id; it names its user and its
//! end. Which tokens are revoked is the store's to know.

use std::fmt;
use std::sync::Once;

use jsonwebtoken::crypto::{self, aws_lc};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, DecodingKey, decode_header};
use serde::Deserialize;

use crate::message::UnixTime;
use crate::name::{DevId, NameError, UserId};
use crate::pattern::PipePattern;
use crate::tenant::Tenants;

/// Longest token a browser may present, in bytes.
pub const MAX_PRESENTED: usize = 599;
/// Longest text `revoked_tokens` holds, in bytes.
pub const MAX_REVOKED: usize = 600;

/// The text of a token, as a backend revokes it: any text, so that it may be
/// revoked whether it is a token or not. Never printed by `Debug`. It may be
/// compared: whoever asks whether one is revoked has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenText(Box<str>);

impl TokenText {
    /// Takes a text of up to [`MAX_REVOKED`] bytes.
    ///
    /// # Errors
    /// [`NameError::TooLong`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_REVOKED {
            return Err(NameError::TooLong {
                what: "the token",
                length: text.len(),
                limit: MAX_REVOKED,
            });
        }
        Ok(Self(text.into()))
    }

    /// The text itself. Only for the store and for SELECT by its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last second at which it could be valid, as it says itself; `None`
    /// if it says nothing, as texts that are no tokens do.
    pub fn expires(&self) -> Option<UnixTime> {
        let Ends { exp } = insecure_decode_claims(self.reveal()).ok()?;
        // A float's conversion saturates, and nobody's tokens are older than 1970.
        Some(UnixTime(exp as u64))
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(…)")
    }
}

impl Tenants {
    /// The user whom `token` proves to be at `now`, if it is a valid token of
    /// this tenant. Does not know whether it was revoked. The signature is
    /// compared in constant time.
    pub fn token_user(&self, dev_id: DevId, token: &str, now: UnixTime) -> Option<UserId> {
        self.token(dev_id, token, now).map(|bearer| bearer.user)
    }

    /// The same, with the pipes that the token names.
    pub fn token(&self, dev_id: DevId, token: &str, now: UnixTime) -> Option<Bearer> {
        let (message, signature) = token.rsplit_once('.')?;
        if token.len() > MAX_PRESENTED {
            return None;
        }
        let header = decode_header(token).ok()?;
        // Whatever its issuer calls critical is not understood here (RFC 7515 §4.1.11).
        if header.alg != Algorithm::HS256 || header.crit.is_some() {
            return None;
        }
        let key = self.key(dev_id).filter(|key| !key.is_empty())?.reveal();
        let number = dev_id.number().to_string();
        // Plugins sign with the key and the MySQL user's name.
        let names = match dev_id {
            DevId::ROOT => vec![number.as_str(), "root"],
            _ => vec![number.as_str()],
        };
        let signed = names.into_iter().any(|name| {
            let secret = DecodingKey::from_secret(format!("{key}{name}").as_bytes());
            is_signed(message, signature, &secret)
        });
        if !signed {
            return None;
        }
        let Claims {
            user_id,
            exp,
            pipes,
        } = insecure_decode_claims(token).ok()?;
        let user = UserId::new(user_id).ok()?;
        (now.0 as f64 <= exp).then(|| Bearer {
            user,
            pipes: patterns(&pipes),
        })
    }
}

fn is_signed(message: &str, signature: &str, secret: &DecodingKey) -> bool {
    static PROVIDER: Once = Once::new();
    // Left to choose by itself the library panics when it sees two providers.
    // Whoever installed one before installed one that works.
    PROVIDER.call_once(|| {
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
    });
    crypto::verify(signature, message.as_bytes(), secret, Algorithm::HS256).unwrap_or(false)
}

/// Whom a token proves its bearer to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The user.
    pub user: UserId,
    /// The pipes it names in its claim `pipes`, for rules that ask for that.
    pub pipes: Box<[PipePattern]>,
}

/// What a token must say; the rest is ignored.
#[derive(Deserialize)]
struct Claims {
    /// An integer; `"42"` and `42.0` are refused.
    user_id: i64,
    exp: f64,
    /// Names of pipes, and beginnings with a `*` behind them.
    #[serde(default)]
    pipes: serde_json::Value,
}

/// What is no pattern names no pipe; the token is valid all the same, for other
/// programs may use the claim for something else.
fn patterns(claim: &serde_json::Value) -> Box<[PipePattern]> {
    let texts = claim.as_array().into_iter().flatten();
    let patterns = texts.filter_map(|text| PipePattern::parse(text.as_str()?, 1).ok());
    patterns.collect()
}

#[derive(Deserialize)]
struct Ends {
    exp: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use proptest::prelude::*;
    use serde::Serialize;

    const NOW: UnixTime = UnixTime(1_700_000_000);
    const LATER: u64 = NOW.0 + 60;

    fn fifteen() -> DevId {
        DevId::new(15).unwrap()
    }

    fn tenants() -> Tenants {
        Tenants::new("rootPass").with(fifteen(), "s3cretPass")
    }

    fn signed(header: &Header, claims: &impl Serialize, secret: &str) -> String {
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    #[derive(Serialize)]
    struct Says<U, E> {
        user_id: U,
        exp: E,
    }

    fn token<U: Serialize, E: Serialize>(user_id: U, exp: E) -> String {
        let says = Says { user_id, exp };
        signed(&Header::new(Algorithm::HS256), &says, "s3cretPass15")
    }

    fn user_of(token: &str) -> Option<u32> {
        let user = tenants().token_user(fifteen(), token, NOW);
        user.map(UserId::number)
    }

    #[test]
    fn the_published_example_is_a_token_until_it_ends() {
        let example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
            eyJ1c2VyX2lkIjo0MiwiZXhwIjoxNzY3MjI1NjAwfQ.\
            BMTHL4JE_pP7xyfsI9SpukDFCs2YyDYqnFP-NtpXFys";
        let at = |time| tenants().token_user(fifteen(), example, UnixTime(time));
        assert_eq!(at(1_767_225_600).map(UserId::number), Some(42));
        assert_eq!(at(1_767_225_601), None);
        assert_eq!(
            TokenText::new(example).unwrap().expires(),
            Some(UnixTime(1_767_225_600))
        );
    }

    #[test]
    fn a_token_names_its_user_by_an_integer_and_its_end_by_a_number() {
        assert_eq!(user_of(&token(42, LATER)), Some(42));
        assert_eq!(user_of(&token(42, NOW.0)), Some(42));
        assert_eq!(user_of(&token(42, NOW.0 as f64 + 0.5)), Some(42));
        assert_eq!(user_of(&token(42, NOW.0 - 1)), None);
        assert_eq!(user_of(&token("42", LATER)), None);
        assert_eq!(user_of(&token(42.0, LATER)), None);
        assert_eq!(user_of(&token(0, LATER)), None);
        assert_eq!(user_of(&token(-42, LATER)), None);
        assert_eq!(user_of(&token(1_u64 << 40, LATER)), None);
        assert_eq!(user_of(&token(42, -5)), None);
        assert_eq!(user_of(&token(42, LATER.to_string())), None);
        assert_eq!(user_of(&token(42, Option::<u64>::None)), None);
    }

    #[test]
    fn the_end_of_a_token_is_a_number_however_large() {
        assert_eq!(user_of(&token(42, 1e300)), Some(42));
        assert_eq!(user_of(&token(42, u64::MAX)), Some(42));
        assert_eq!(user_of(&token(42, -1e300)), None);
        let ends = |exp: f64| TokenText::new(&token(42, exp)).unwrap().expires();
        assert_eq!(ends(1e300), Some(UnixTime(u64::MAX)));
        assert_eq!(ends(-1e300), Some(UnixTime(0)));
    }

    #[test]
    fn headers_choose_no_key_and_what_they_call_critical_is_refused() {
        let says = Says {
            user_id: 42,
            exp: LATER,
        };
        let with = |change: fn(&mut Header)| {
            let mut header = Header::new(Algorithm::HS256);
            change(&mut header);
            user_of(&signed(&header, &says, "s3cretPass15"))
        };
        assert_eq!(
            with(|header| header.kid = Some("../../key".into())),
            Some(42)
        );
        assert_eq!(
            with(|header| header.jku = Some("http://evil".into())),
            Some(42)
        );
        assert_eq!(with(|header| header.crit = Some(vec!["b64".into()])), None);
        assert_eq!(with(|header| header.crit = Some(Vec::new())), None);
    }

    /// A token that could be written in two ways would outlive its revocation.
    #[test]
    fn a_token_has_one_spelling() {
        let token = token(42, LATER);
        assert_eq!(user_of(&token), Some(42));
        const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (start, last) = token.split_at(token.len() - 1);
        for digit in DIGITS.chars().filter(|digit| !last.starts_with(*digit)) {
            assert_eq!(user_of(&format!("{start}{digit}")), None);
        }
        for other in ["=", " ", "\n", "."] {
            assert_eq!(user_of(&format!("{token}{other}")), None);
            assert_eq!(user_of(&format!("{other}{token}")), None);
        }
    }

    #[test]
    fn a_token_without_an_end_is_refused_and_other_claims_do_not_matter() {
        #[derive(Serialize)]
        struct Endless {
            user_id: u32,
        }
        #[derive(Serialize)]
        struct More {
            user_id: u32,
            exp: u64,
            sub: [u8; 2],
            aud: Vec<Endless>,
            nbf: u64,
        }
        let header = Header::new(Algorithm::HS256);
        let endless = signed(&header, &Endless { user_id: 42 }, "s3cretPass15");
        assert_eq!(user_of(&endless), None);
        let more = More {
            user_id: 42,
            exp: LATER,
            sub: [1, 2],
            aud: vec![Endless { user_id: 1 }],
            nbf: LATER,
        };
        assert_eq!(user_of(&signed(&header, &more, "s3cretPass15")), Some(42));
    }

    #[test]
    fn a_token_may_name_pipes_and_prefixes() {
        #[derive(Serialize)]
        struct Named<P> {
            user_id: u32,
            exp: u64,
            pipes: P,
        }
        fn named<P: Serialize>(pipes: P) -> Vec<String> {
            let says = Named {
                user_id: 42,
                exp: LATER,
                pipes,
            };
            let token = signed(&Header::new(Algorithm::HS256), &says, "s3cretPass15");
            let bearer = tenants().token(fifteen(), &token, NOW).unwrap();
            bearer.pipes.iter().map(ToString::to_string).collect()
        }
        assert_eq!(
            named(["web_room_7", "web_team_*"]),
            ["web_room_7", "web_team_*"]
        );
        assert_eq!(named(["no pipe!", ""]), Vec::<String>::new());
        assert_eq!(named("web_room_7"), Vec::<String>::new());
        assert_eq!(named(7), Vec::<String>::new());
    }

    #[test]
    fn only_hs256_is_an_algorithm() {
        let says = Says {
            user_id: 42,
            exp: LATER,
        };
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let other = signed(&Header::new(algorithm), &says, "s3cretPass15");
            assert_eq!(user_of(&other), None);
        }
        let good = token(42, LATER);
        let (_, rest) = good.split_once('.').unwrap();
        let (payload, _) = rest.split_once('.').unwrap();
        // {"alg":"none"} and {"alg":"none","typ":"JWT"}
        for none in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"] {
            assert_eq!(user_of(&format!("{none}.{payload}.")), None);
            assert_eq!(user_of(&format!("{none}.{rest}")), None);
        }
    }

    #[test]
    fn the_secret_is_the_tenants_key_and_its_number() {
        let says = Says {
            user_id: 42,
            exp: LATER,
        };
        let header = Header::new(Algorithm::HS256);
        let user = |dev_id, secret| {
            let token = signed(&header, &says, secret);
            tenants().token_user(dev_id, &token, NOW).is_some()
        };
        assert!(user(fifteen(), "s3cretPass15"));
        for wrong in [
            "s3cretPass",
            "s3cretPass0",
            "s3cretPassroot",
            "rootPass15",
            "",
        ] {
            assert!(!user(fifteen(), wrong), "{wrong}");
        }
        assert!(user(DevId::ROOT, "rootPass0"));
        assert!(user(DevId::ROOT, "rootPassroot"));
        assert!(!user(DevId::ROOT, "rootPass"));
        assert!(!user(DevId::ROOT, "s3cretPass15"));
        let nobody = DevId::new(7).unwrap();
        assert!(!user(nobody, "7"));
    }

    #[test]
    fn a_token_has_one_spelling_so_that_revoking_it_is_enough() {
        let good = token(42, LATER);
        assert_eq!(user_of(&good), Some(42));
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
        let (start, _) = good.split_at(good.len() - 1);
        let accepted = alphabet
            .chars()
            .filter(|last| user_of(&format!("{start}{last}")).is_some());
        assert_eq!(accepted.count(), 1);
        for spelling in [format!("{good}="), format!(" {good}"), format!("{good}\n")] {
            assert_eq!(user_of(&spelling), None);
        }
    }

    #[test]
    fn a_presented_token_has_at_most_599_bytes() {
        #[derive(Serialize)]
        struct Padded {
            user_id: u32,
            exp: u64,
            pad: String,
        }
        let header = Header::new(Algorithm::HS256);
        let of_length = |wanted: usize| {
            (0..600).find_map(|pad| {
                let padded = Padded {
                    user_id: 42,
                    exp: LATER,
                    pad: "x".repeat(pad),
                };
                let token = signed(&header, &padded, "s3cretPass15");
                (token.len() == wanted).then_some(token)
            })
        };
        let longest = of_length(599).or_else(|| of_length(598)).unwrap();
        assert_eq!(user_of(&longest), Some(42));
        let too_long = of_length(600).or_else(|| of_length(601)).unwrap();
        assert_eq!(user_of(&too_long), None);
    }

    #[test]
    fn any_text_of_600_bytes_can_be_revoked() {
        assert!(TokenText::new("").is_ok());
        assert!(TokenText::new(&"x".repeat(600)).is_ok());
        assert!(TokenText::new(&"x".repeat(601)).is_err());
        assert_eq!(TokenText::new("0.123").unwrap().expires(), None);
        let text = TokenText::new("s3cret").unwrap();
        assert!(!format!("{text:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn any_text_is_no_token(text in any::<String>()) {
            prop_assert_eq!(user_of(&text), None);
            if let Ok(text) = TokenText::new(&text) {
                let _ = text.expires();
            }
        }

        #[test]
        fn any_three_parts_are_no_token(text in "[A-Za-z0-9_=-]{0,60}\\.[A-Za-z0-9_=-]{0,60}\\.[A-Za-z0-9_=-]{0,60}") {
            prop_assert_eq!(user_of(&text), None);
        }

        #[test]
        fn a_token_with_one_byte_changed_is_none(at in any::<prop::sample::Index>(), byte in "[A-Za-z0-9_.-]") {
            let good = token(42, LATER);
            let at = at.index(good.len());
            let changed = format!("{}{byte}{}", &good[..at], &good[at + 1..]);
            prop_assert_eq!(user_of(&changed).is_some(), changed == good);
        }

        #[test]
        fn whatever_a_token_claims_no_one_panics(
            user_id in any::<i64>(),
            exp in any::<f64>(),
            now in any::<u64>(),
        ) {
            let token = token(user_id, exp);
            let _ = tenants().token_user(fifteen(), &token, UnixTime(now));
            let _ = TokenText::new(&token).unwrap().expires();
        }
    }
}
