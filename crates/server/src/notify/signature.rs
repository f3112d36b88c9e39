//! The signature of what is sent: HMAC-SHA256 over id, time and body.
//!
//! # Source
//! The headers and the signed text are those of the Standard Webhooks specification, version 1, so that receivers find
//! a library that verifies them: `webhook-id`, `webhook-timestamp` (seconds), `webhook-signature: v1,<base64>` over
//! `<id>.<timestamp>.<body>`. A secret `whsec_<base64>` is the key's bytes; any other text is the key itself.

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::EndpointSecret;

const PREFIX: &str = "whsec_";
/// The shortest secret that people may choose.
pub(crate) const MIN_SECRET: usize = 16;
/// The longest.
pub(crate) const MAX_SECRET: usize = 256;

/// Draws a new secret.
pub(crate) fn generate_secret() -> EndpointSecret {
    let mut random = [0_u8; 32];
    rand::fill(&mut random).expect("the operating system's random generator answers");
    EndpointSecret::new(format!("{PREFIX}{}", STANDARD.encode(random)))
}

/// Returns the value of `webhook-signature`.
pub(crate) fn sign(secret: &EndpointSecret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let text = secret.expose();
    let decoded = text
        .strip_prefix(PREFIX)
        .and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = decoded.as_deref().unwrap_or(text.as_bytes());
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_specifications_example_is_signed_alike() {
        let secret = EndpointSecret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into());
        let signature = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_text_of_ones_own_is_the_key_itself() {
        let one = sign(
            &EndpointSecret::new("a text of mine, long".into()),
            "1",
            2,
            b"x",
        );
        let other = sign(
            &EndpointSecret::new("a text of mine, lonG".into()),
            "1",
            2,
            b"x",
        );
        assert_ne!(one, other);
        let broken = sign(
            &EndpointSecret::new("whsec_not base64!".into()),
            "1",
            2,
            b"x",
        );
        assert!(broken.starts_with("v1,"));
    }

    #[test]
    fn secrets_are_drawn_and_never_printed() {
        let (one, other) = (generate_secret(), generate_secret());
        assert_ne!(one, other);
        assert!(one.expose().len() > 40);
        assert_eq!(format!("{one:?}"), "****");
    }
}
