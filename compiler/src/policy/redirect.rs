//! Whether a policy lets a reader go where a server sends it.
//!
//! A huntflow names one server, and what that one answers is not in any plan: the rules about hosts
//! and schemes hold for every hop as well. Besides, a server that everybody can reach may not send
//! the reader into the network it stands in, unless `[hosts]` allows that server.

use kestrel_ir::text::visible;

use super::{Policy, check::advice};
use crate::review::host::Host;

/// Says why a reader that asked `from` may not go on to `to`, both web addresses.
pub fn redirect(policy: &Policy, from: &str, to: &str) -> Result<(), String> {
    let scheme = to.split_once("://").map_or("", |(scheme, _)| scheme);
    if let Some(refused) = policy.schemes.refuses(&[scheme]) {
        let why = advice(policy, &refused, "schemes");
        return Err(format!("the policy forbids the scheme `{}`, {why}", visible(scheme)));
    }
    let host = Host::of_url(to);
    let name = visible(host.as_str());
    if matches!(host, Host::Odd(_)) && !policy.hosts.is_empty() {
        return Err(format!("the host `{name}` is written so that programs may read another one"));
    }
    if let Some(refused) = policy.hosts.refuses(&[host.as_str()]) {
        let why = advice(policy, &refused, "hosts");
        return Err(format!("the policy forbids the host `{name}`, {why}"));
    }
    let named = policy.hosts.limits();
    match host.private() {
        Some(what) if !named && Host::of_url(from).private().is_none() => Err(format!(
            "`{name}` is {what}, and only a policy that allows it in `[hosts]` lets a server elsewhere send readers there"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parse, *};

    #[test]
    fn every_hop_keeps_to_the_policy() {
        let policies = [
            ("nothing", ""),
            (
                "hosts",
                "[hosts]\nallow = ['feeds.example', '*.feeds.example', '10.1.2.3']\ndeny = ['old.feeds.example']",
            ),
            ("https", "[schemes]\nallow = ['stixbundle', 'https']"),
        ];
        let mut lines = Vec::new();
        for (name, text) in policies {
            let policy = parse(text).unwrap();
            for to in [
                "https://feeds.example/a",
                "https://cdn.feeds.example:8443/a",
                "https://old.feeds.example/a",
                "https://evil.example/a",
                "https://feeds.example@evil.example/a",
                "http://feeds.example/a",
                "https://169.254.169.254/latest",
                "https://10.1.2.3/a",
                "https://[::1]/a",
                "https://localhost/a",
                "https://feeds.example@127.0.0.1:80/a",
            ] {
                let said = redirect(&policy, "https://feeds.example/a", to).err().unwrap_or_default();
                lines.push(format!("{name:<8} {to:<38} {said}"));
            }
            let inside = redirect(&policy, "http://siem.corp/a", "https://10.0.0.1/a");
            lines.push(format!(
                "{name:<8} from http://siem.corp to 10.0.0.1     {}",
                inside.err().unwrap_or_default()
            ));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }
}
