//! What looks like a secret in a huntflow: warned about by a lint, and left out where plans are
//! shown to people.

use kestrel_stix::Value;

/// What is shown in place of a secret.
pub const REDACTED: &str = "(a secret, not shown)";

/// Fewest bytes of a value that its name makes a secret: shorter ones are flags and the like.
pub const LEAST: usize = 6;

/// Returns true if an argument of this name and value is not to be shown.
pub fn is_secret(key: &str, value: &Value) -> bool {
    match value {
        Value::Text(text) => token(text).is_some() || names_secret(key) && text.len() >= LEAST,
        other => names_secret(key) && other.to_string().len() >= LEAST,
    }
}

/// Returns true if something of this name usually is a secret.
pub fn names_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    const WORDS: [&str; 12] = [
        "password",
        "passwd",
        "pwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "access_key",
        "private_key",
        // As in SANSCRED and XFE_CRED of the community's analytics.
        "cred",
        "creds",
        "credentials",
    ];
    WORDS.iter().any(|word| key.ends_with(word))
}

/// Fewest bytes of any token: four of a prefix and ten behind it.
const SHORTEST: usize = 14;

/// Recognises the forms of widely used tokens; returns what it is.
pub fn token(text: &str) -> Option<&'static str> {
    let run =
        |rest: &str| rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let after = |prefix: &str, least: usize| {
        text.find(prefix).and_then(|at| text.get(at + prefix.len()..)).is_some_and(|rest| run(rest) >= least)
    };
    // Most words are too short, or lack the sign that each form has.
    if text.len() < SHORTEST {
        return None;
    }
    let signs = text.bytes().any(|byte| matches!(byte, b'_' | b'-'));
    if signs && text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    if (text.starts_with("AKIA") || text.starts_with("ASIA")) && text.len() == 20 && run(text) == 20 {
        return Some("an access key of a cloud");
    }
    if signs
        && ["ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_"]
            .iter()
            .any(|prefix| after(prefix, 10))
    {
        return Some("an access token");
    }
    if !text.starts_with("eyJ") {
        return None;
    }
    let parts: Vec<&str> = text.split('.').take(4).collect();
    match parts.as_slice() {
        [head, body, signature]
            if head.starts_with("eyJ") && body.starts_with("eyJ") && signature.len() >= 10 =>
        {
            Some("a signed token")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_forms_give_secrets_away() {
        let secret = |key: &str, value: &str| is_secret(key, &Value::text(value));
        assert!(
            secret("XFE_CRED", "k3y:pass") && secret("api-key", "123456") && secret("x", "ghp_0123456789abc")
        );
        assert!(!secret("LABEL", "usual") && !secret("token", "no") && !secret("tokens_seen", "abcdefgh"));
        assert!(is_secret("password", &Value::Int(123_456)) && !is_secret("COUNT", &Value::Int(123_456)));
    }
}
