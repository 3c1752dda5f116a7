//! Whether a plan keeps to a policy.

use std::collections::BTreeSet;

use kestrel_ir::{
    NodeId, Plan,
    diagnostic::{Code, Diagnostic, Span},
    text::visible,
};

use super::{
    Policy,
    names::Refused,
    places::{self, Words},
};
use crate::review::{
    effects::{CodeUse, Effects, FileUse, Reach, SourceUse},
    extent::{Extent, duration},
    host::Host,
};

/// Returns one error for each thing that the policy forbids, in the order of the huntflow. `identity`
/// tells which code an analytic is, where the plan does not and somebody knows.
pub fn check(plan: &Plan, policy: &Policy, identity: &dyn Fn(&str) -> Option<String>) -> Vec<Diagnostic> {
    let effects = Effects::of(plan);
    let mut refusals = Refusals { plan, policy, found: Vec::new() };
    for source in &effects.sources {
        refusals.source(source);
    }
    refusals.times(&effects);
    refusals.queries(&effects);
    for code in &effects.code {
        refusals.code(code, identity);
    }
    for file in &effects.writes {
        refusals.file(file, true);
    }
    for file in &effects.reads {
        refusals.file(file, false);
    }
    let mut found = refusals.found;
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, diagnostic)| diagnostic).collect()
}

/// What is refused so far, with the place of its node in the plan.
struct Refusals<'p> {
    plan: &'p Plan,
    policy: &'p Policy,
    found: Vec<(u32, Diagnostic)>,
}

impl Refusals<'_> {
    fn refuse(&mut self, code: Code, node: NodeId, words: Option<Words<'_>>, message: String, help: String) {
        let Some(node) = self.plan.get(node) else { return };
        let mut diagnostic = Diagnostic::new(code, message).help(help);
        let span: Span = node.origin.span;
        if self.plan.sources.get(span.source.0 as usize).is_some_and(|source| !source.text.is_empty()) {
            diagnostic = diagnostic.at(words.map_or(span, |words| places::of(self.plan, span, words)));
        }
        self.found.push((node.order, diagnostic));
    }

    fn source(&mut self, source: &SourceUse) {
        let Some(first) = source.nodes.first().copied() else { return };
        let policy = self.policy;
        let words = Some(Words::Source(&source.target));
        let address = visible(&source.address());
        let users = match source.nodes.len() {
            1 => String::new(),
            n => format!(", asked {n} times"),
        };
        // The scheme of an address, and the one of the web address inside it.
        let mut schemes = vec![source.scheme.as_str()];
        if let (Reach::Web(_), Some((web, _))) = (&source.reach, source.target.split_once("://")) {
            schemes.push(web);
        }
        schemes.dedup();
        for scheme in schemes {
            if let Some(refused) = policy.schemes.refuses(&[scheme]) {
                let message =
                    format!("the policy forbids the scheme `{}` of `{address}`{users}", visible(scheme));
                self.refuse(Code::E0901, first, words, message, advice(policy, &refused, "schemes"));
            }
        }
        if policy.network == Some(false) && source.is_remote() {
            let message = format!("the policy forbids the network, and `{address}` is on it{users}");
            let help =
                format!("export the records of this source and use `file://…`{}", policy.line("network"));
            self.refuse(Code::E0904, first, words, message, help);
        }
        match &source.reach {
            Reach::Web(host) => self.host(host, first, words, &address, &users),
            Reach::Profile => {
                if let Some(refused) = policy.profiles.refuses(&[&source.target]) {
                    let name = visible(&source.target);
                    let message = format!("the policy forbids the profile `{name}`{users}");
                    self.refuse(Code::E0903, first, words, message, advice(policy, &refused, "profiles"));
                }
            }
            Reach::File => {
                let file = FileUse { path: source.target.clone(), node: first };
                self.file(&file, false);
            }
            Reach::Unknown if !policy.hosts.is_empty() || !policy.profiles.is_empty() => {
                let message =
                    format!("what `{address}` names cannot be told, and the policy limits what hunts ask");
                let help = "write an address that `kestrelc check` accepts".to_owned();
                self.refuse(Code::E0902, first, words, message, help);
            }
            Reach::Unknown => {}
        }
    }

    fn host(&mut self, host: &Host, node: NodeId, words: Option<Words<'_>>, address: &str, users: &str) {
        let name = visible(host.as_str());
        let hosts = &self.policy.hosts;
        match host {
            Host::Odd(_) if !hosts.is_empty() => {
                let message = format!(
                    "the host `{name}` of `{address}` is written so that programs may read another one, and the policy limits hosts"
                );
                let help = format!("write the plain name of the server{}", self.policy.line("hosts"));
                self.refuse(Code::E0902, node, words, message, help);
            }
            host => {
                if let Some(refused) = hosts.refuses(&[host.as_str()]) {
                    let message = format!("the policy forbids the host `{name}` of `{address}`{users}");
                    let help = advice(self.policy, &refused, "hosts");
                    self.refuse(Code::E0902, node, words, message, help);
                }
            }
        }
    }

    fn times(&mut self, effects: &Effects) {
        let Some(longest) = self.policy.longest else { return };
        let limit = duration(longest);
        let mut steps = BTreeSet::new();
        for ask in &effects.asks {
            if self.policy.files_any_time && ask.over_network == 0 {
                continue;
            }
            if ask.extent.seconds().is_some_and(|seconds| seconds <= longest) {
                continue;
            }
            // A statement asks with one range, perhaps more than once.
            let origin = self.plan.get(ask.node).map(|node| (node.origin.span.source, node.origin.step));
            if !steps.insert(origin) {
                continue;
            }
            let message = match (ask.extent, ask.inferred) {
                (Extent::Unbounded, true) => format!(
                    "this follows what a search without a time range found, and the policy allows {limit}"
                ),
                (Extent::Unbounded, false) => {
                    format!("this asks for any time, and the policy allows {limit}")
                }
                (extent, inferred) => {
                    let about = if inferred { "up to " } else { "" };
                    let seconds = extent.seconds().map(duration).unwrap_or_default();
                    format!("this asks for {about}{seconds}, and the policy allows {limit}")
                }
            };
            let help = match ask.extent {
                Extent::Unbounded => "write `START … STOP …` or `LAST …`",
                _ => "narrow the time range, also of the steps that this one follows",
            };
            let help = format!("{help}{}", self.policy.line("time"));
            self.refuse(Code::E0908, ask.node, Some(Words::Range), message, help);
        }
    }

    fn queries(&mut self, effects: &Effects) {
        let Some(most) = self.policy.queries else { return };
        let mut sent: u64 = 0;
        for ask in &effects.asks {
            sent = sent.saturating_add(ask.queries as u64);
            if sent > most {
                let message = format!(
                    "the hunt sends up to {} queries, and the policy allows {most}; this is where it exceeds them",
                    effects.queries()
                );
                let help = format!("ask fewer sources, or split the hunt{}", self.policy.line("queries"));
                self.refuse(Code::E0909, ask.node, None, message, help);
                return;
            }
        }
    }

    fn code(&mut self, code: &CodeUse, identity: &dyn Fn(&str) -> Option<String>) {
        let known = code.identity.clone().or_else(|| identity(&code.analytic));
        let mut names = vec![code.analytic.as_str()];
        names.extend(known.as_deref());
        let Some(refused) = self.policy.analytics.refuses(&names) else { return };
        let name = visible(&code.analytic);
        let which = match &known {
            Some(identity) => format!(" with the code `{}`", visible(identity)),
            None => String::new(),
        };
        let mut help = advice(self.policy, &refused, "analytics");
        let digest = |text: &String| text.starts_with("sha256:") || text.starts_with("blake3:");
        let by_digest = matches!(&refused, Refused::NotAllowed(allowed) if allowed.iter().any(digest));
        if known.is_none() && by_digest {
            help.push_str("; which code runs under the name is known only where it is configured");
        }
        let message = format!("the policy forbids the analytic `{name}`{which}");
        self.refuse(Code::E0905, code.node, Some(Words::Analytic(&code.analytic)), message, help);
    }

    fn file(&mut self, file: &FileUse, write: bool) {
        let (folders, code, verb) = match write {
            true => (&self.policy.write, Code::E0906, "writing"),
            false => (&self.policy.read, Code::E0907, "reading"),
        };
        let Some(folders) = folders.as_ref().filter(|folders| !folders.hold(&file.path)) else { return };
        let texts: Vec<String> = folders.texts().map(|text| format!("`{}`", visible(text))).collect();
        let line = self.policy.line("files");
        let help = match texts.as_slice() {
            [] => format!("the policy allows {verb} no file at all{line}"),
            texts => {
                let texts = texts.join(", ");
                format!("it allows files below {texts}, written without `..` that leads out{line}")
            }
        };
        let message = format!("the policy forbids {verb} `{}`", visible(&file.path));
        self.refuse(code, file.node, Some(Words::Path(&file.path)), message, help);
    }
}

pub(super) fn advice(policy: &Policy, refused: &Refused, section: &str) -> String {
    let advice = match refused {
        Refused::Denied(pattern) => format!("`{}` in `deny` of `[{section}]` matches it", visible(pattern)),
        Refused::NotAllowed(allowed) if allowed.is_empty() => format!("`[{section}]` allows none"),
        Refused::NotAllowed(allowed) => {
            let mut texts: Vec<String> =
                allowed.iter().take(8).map(|text| format!("`{}`", visible(text))).collect();
            if allowed.len() > 8 {
                texts.push(format!("{} more", allowed.len() - 8));
            }
            format!("`[{section}]` allows {}", texts.join(", "))
        }
    };
    format!("{advice}{}", policy.line(section))
}
