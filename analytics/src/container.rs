//! Container analytics: which image, and what a container may use. Nothing is granted that is
//! not said here.

use std::{collections::BTreeMap, time::Duration};

use kestrel_ir::op::Limit;

use crate::limits::{duration_words, size_words};

/// What images of analytics are called, before the analytic's name.
pub const PREFIX: &str = "kestrel-analytics-";

/// The containers of a session.
#[derive(Debug, Clone, Default)]
pub struct Containers {
    /// The command of Docker or Podman; none if neither was found.
    pub command: Option<String>,
    /// The program below it that starts containers, such as `runc`; none is the command's choice.
    pub runtime: Option<String>,
    /// Limits of the operating system, `name=soft:hard`.
    pub ulimits: Vec<String>,
    /// Arguments for every `run`.
    pub arguments: Vec<String>,
    /// Limits of analytics without a profile of their own.
    pub usual: Profile,
    /// Limits by analytic.
    pub profiles: BTreeMap<String, Profile>,
}

/// What a container may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The image; none takes the prefix and the analytic's name. May hold a digest.
    pub image: Option<String>,
    /// The network it is connected to; `none` by default.
    pub network: String,
    /// Most memory, in bytes.
    pub memory: u64,
    /// Processors, as the runtime writes them: `2`, `0.5`.
    pub cpus: String,
    /// Most processes.
    pub processes: u32,
    /// Longest wall time; an hour by default.
    pub timeout: Option<Duration>,
    /// Whether the image's own files are read-only.
    pub read_only: bool,
    /// Further arguments for the runtime's `run`, such as mounts.
    pub arguments: Vec<String>,
    /// Attributes that it is declared to add.
    pub attributes: Vec<String>,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            image: None,
            network: "none".to_owned(),
            memory: 2 << 30,
            cpus: "2".to_owned(),
            processes: 256,
            timeout: Some(Duration::from_secs(3600)),
            read_only: true,
            arguments: Vec::new(),
            attributes: Vec::new(),
        }
    }
}

impl Containers {
    /// Returns the limits that hold for an analytic.
    pub fn profile(&self, name: &str) -> &Profile {
        self.profiles.get(name).unwrap_or(&self.usual)
    }

    /// Returns the image of an analytic.
    pub fn image(&self, name: &str) -> String {
        self.profile(name).image.clone().unwrap_or_else(|| format!("{PREFIX}{name}"))
    }

    /// Returns the digest that the image is named by; none if it is named by a tag, which can
    /// mean another image tomorrow.
    pub fn digest(&self, name: &str) -> Option<String> {
        let image = self.image(name);
        let (_, digest) = image.rsplit_once("@sha256:")?;
        let right = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        right.then(|| format!("sha256:{digest}"))
    }

    /// Returns what a container may use, for reviewers; what exceeds the defaults of this
    /// program is marked.
    pub fn limits(&self, name: &str) -> Vec<Limit> {
        let profile = self.profile(name);
        let standard = Profile::default();
        let limit = |what: &str, value: String, lifted: bool| Limit { what: what.to_owned(), value, lifted };
        let more_cpus = profile.cpus.parse::<f64>().map_or(true, |cpus| !(0.0..=2.0).contains(&cpus));
        let longer = profile.timeout.is_none_or(|limit| standard.timeout.is_some_and(|usual| limit > usual));
        let mut out = vec![
            limit("image", self.image(name), false),
            limit("network", profile.network.clone(), profile.network != standard.network),
            limit("memory", size_words(profile.memory), profile.memory > standard.memory),
            limit("cpus", profile.cpus.clone(), more_cpus),
            limit("processes", profile.processes.to_string(), profile.processes > standard.processes),
            limit("time", profile.timeout.map_or("none".to_owned(), duration_words), longer),
            limit(
                "root",
                if profile.read_only { "read-only" } else { "writable" }.to_owned(),
                !profile.read_only,
            ),
        ];
        out.extend(self.runtime.iter().map(|runtime| limit("runtime", runtime.clone(), false)));
        out.extend(self.ulimits.iter().map(|ulimit| limit("ulimit", ulimit.clone(), false)));
        let arguments: Vec<String> = self.arguments.iter().chain(&profile.arguments).cloned().collect();
        if !arguments.is_empty() {
            out.push(limit("arguments", arguments.join(" "), true));
        }
        out
    }
}

/// Whether a text is a reference to an image, and no option for the runtime.
pub fn is_image_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && chars.all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_options() {
        assert!(
            is_image_name("quay.io/x/kestrel-analytics-a@sha256:00")
                && is_image_name("kestrel-analytics-a:1")
        );
        assert!(!is_image_name("--privileged") && !is_image_name("a b") && !is_image_name(""));
    }

    #[test]
    fn only_a_digest_identifies_an_image() {
        let image = |image: String| {
            let profile = Profile { image: Some(image), ..Profile::default() };
            Containers { profiles: BTreeMap::from([("x".to_owned(), profile)]), ..Containers::default() }
                .digest("x")
        };
        let digest = "a".repeat(64);
        assert_eq!(image(format!("q/x@sha256:{digest}")), Some(format!("sha256:{digest}")));
        assert_eq!((image("q/x:1".to_owned()), image("x@sha256:12".to_owned())), (None, None));
    }

    #[test]
    fn what_is_lifted_is_marked() {
        let lifted = |containers: &Containers| {
            let limits = containers.limits("x").into_iter().filter(|limit| limit.lifted);
            limits.map(|limit| format!("{} {}", limit.what, limit.value)).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(lifted(&Containers::default()), "");
        let generous = Profile {
            network: "bridge".to_owned(),
            memory: 4 << 30,
            cpus: "8".to_owned(),
            processes: 1000,
            timeout: None,
            read_only: false,
            arguments: vec!["--volume".to_owned(), "/srv:/srv".to_owned()],
            ..Profile::default()
        };
        let containers = Containers {
            profiles: BTreeMap::from([("x".to_owned(), generous)]),
            runtime: Some("runc".to_owned()),
            ..Containers::default()
        };
        insta::assert_snapshot!(lifted(&containers), @"network bridge, memory 4G, cpus 8, processes 1000, time none, root writable, arguments --volume /srv:/srv");
        let strict = Profile { memory: 1 << 20, cpus: "0.5".to_owned(), ..Profile::default() };
        assert_eq!(lifted(&Containers { usual: strict, ..Containers::default() }), "");
    }
}
