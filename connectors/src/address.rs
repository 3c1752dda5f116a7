//! Addresses of data sources: `scheme://part,part…`.
//!
//! | address | parts |
//! |---|---|
//! | `file:///data/a.json,/data/b.json` | two files |
//! | `stixbundle://logs/a.json` | a file relative to the hunt's working directory |
//! | `stixbundle://https://host/a.json,host/b.json` | two web addresses, both `https` |
//! | `https://host/a.json,host/b.json` | the same two |
//! | `stixshifter://lab101,lab102` | two profiles |
//!
//! Pure: parsing looks at nothing but the text. Source: entities specification 1.1.

use std::{fmt, str::FromStr};

use kestrel_stix::suggest::nearest;

/// A parsed address.
///
/// [`fmt::Display`] gives the canonical text: scheme in lower case, the scheme once, parts
/// joined by commas. Parsing it gives the same address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    scheme: Scheme,
    parts: Vec<Part>,
}

/// How an address begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// STIX bundles and logs, in files or on the web.
    StixBundle,
    /// Files.
    File,
    /// Web addresses, not encrypted.
    Http,
    /// Web addresses.
    Https,
    /// Profiles of stix-shifter.
    StixShifter,
}

/// One of the sources that an address names, read in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A file, relative to the working directory or absolute.
    File(String),
    /// A web address, `http://…` or `https://…`.
    Url(String),
    /// The name of a configured data source.
    Profile(String),
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Scheme; 5] =
        [Scheme::File, Scheme::Http, Scheme::Https, Scheme::StixBundle, Scheme::StixShifter];

    /// Returns the scheme as addresses write it, without `://`.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::StixBundle => "stixbundle",
            Scheme::File => "file",
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::StixShifter => "stixshifter",
        }
    }

    /// Says in a few words what such an address names.
    pub fn summary(self) -> &'static str {
        match self {
            Scheme::StixBundle => "STIX bundles or logs, as files or on the web",
            Scheme::File => "files with STIX bundles or logs",
            Scheme::Http | Scheme::Https => "STIX bundles or logs on the web",
            Scheme::StixShifter => "profiles of SIEM and EDR connectors",
        }
    }

    fn find(name: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }
}

/// Returns the names of all schemes, sorted.
pub fn known_schemes() -> [&'static str; 5] {
    Scheme::ALL.map(Scheme::name)
}

impl Address {
    /// Parses an address.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let Some((name, rest)) = text.split_once("://") else {
            return Err(AddressError::NoScheme { text: text.to_owned() });
        };
        let scheme = Scheme::find(name)
            .ok_or_else(|| AddressError::UnknownScheme { scheme: name.to_owned(), rest: rest.to_owned() })?;
        let mut parts = Vec::new();
        // What a part without a scheme of its own is: what the first one is.
        let mut inherited = scheme;
        for (n, piece) in rest.split(',').enumerate() {
            let piece = piece.trim_ascii();
            let (own, body) = match piece.split_once("://") {
                Some((name, body)) if is_scheme_like(name) => {
                    let unknown =
                        || AddressError::UnknownScheme { scheme: name.to_owned(), rest: body.to_owned() };
                    (Scheme::find(name).ok_or_else(unknown)?, body)
                }
                _ => (inherited, piece),
            };
            let web = matches!(own, Scheme::Http | Scheme::Https);
            if own != scheme && !(web && scheme == Scheme::StixBundle) {
                return Err(AddressError::MixedSchemes { first: scheme, other: own });
            }
            if n == 0 {
                inherited = own;
            }
            parts.push(part(own, body)?);
        }
        Ok(Address { scheme, parts })
    }

    /// Returns how the address begins.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the sources, at least one.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns true if reading it opens network connections.
    pub fn is_remote(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::File(_)))
    }
}

fn part(scheme: Scheme, body: &str) -> Result<Part, AddressError> {
    if body.is_empty() {
        return Err(AddressError::EmptyPart { scheme });
    }
    if body.contains(|c: char| c.is_control()) {
        return Err(AddressError::ControlCharacter);
    }
    match scheme {
        Scheme::StixBundle | Scheme::File => Ok(Part::File(body.to_owned())),
        Scheme::StixShifter => Ok(Part::Profile(body.to_owned())),
        Scheme::Http | Scheme::Https => {
            let authority = body.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.contains('@') {
                return Err(AddressError::Credentials);
            }
            if authority.is_empty() || authority.starts_with(':') {
                return Err(AddressError::NoHost { scheme });
            }
            Ok(Part::Url(format!("{}://{body}", scheme.name())))
        }
    }
}

/// Tells `https://host` from a file name that happens to hold `://`.
fn is_scheme_like(name: &str) -> bool {
    name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        let (mut inherited, mut separator) = (self.scheme.name(), "");
        for (n, part) in self.parts.iter().enumerate() {
            f.write_str(separator)?;
            separator = ",";
            let (scheme, body) = match part {
                Part::Url(url) => url.split_once("://").unwrap_or((inherited, url)),
                Part::File(text) => ("stixbundle", text.as_str()),
                Part::Profile(text) => (inherited, text.as_str()),
            };
            let is_web = matches!(part, Part::Url(_));
            // A file among web addresses says so.
            let plain = if is_web { scheme == inherited } else { !matches!(inherited, "http" | "https") };
            if plain {
                f.write_str(body)?
            } else {
                write!(f, "{scheme}://{body}")?
            }
            if n == 0 && is_web {
                inherited = scheme;
            }
        }
        Ok(())
    }
}

/// Shows the part as the user knows it.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::File(text) | Part::Url(text) | Part::Profile(text) => f.write_str(text),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Address::parse(text)
    }
}

/// Why a text is no address of a data source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing says what kind of source it is.
    #[error("data source `{text}` has no scheme")]
    NoScheme {
        /// The text.
        text: String,
    },
    /// No source has such a scheme.
    #[error("no data source interface for the scheme `{scheme}`")]
    UnknownScheme {
        /// As written.
        scheme: String,
        /// What follows it.
        rest: String,
    },
    /// Parts of different schemes.
    #[error("one address mixes the schemes `{}` and `{}`", first.name(), other.name())]
    MixedSchemes {
        /// The scheme of the first part.
        first: Scheme,
        /// The one that differs.
        other: Scheme,
    },
    /// Nothing after the scheme, or between two commas.
    #[error("an address `{}://…` has an empty part", scheme.name())]
    EmptyPart {
        /// Its scheme.
        scheme: Scheme,
    },
    /// A web address without a host.
    #[error("an address `{}://…` has no host", scheme.name())]
    NoHost {
        /// Its scheme.
        scheme: Scheme,
    },
    /// A user name or password in a web address.
    #[error("an address must not contain a user name or password")]
    Credentials,
    /// A line break or the like.
    #[error("an address must not contain control characters")]
    ControlCharacter,
}

impl AddressError {
    /// Says what to do about it.
    pub fn help(&self) -> String {
        match self {
            AddressError::NoScheme { text } => {
                format!("write `file://{text}` for a file; known schemes: {}", schemes_text())
            }
            AddressError::UnknownScheme { scheme, rest } => match nearest(scheme, known_schemes()).first() {
                Some(near) => format!("did you mean `{near}://{rest}`? known schemes: {}", schemes_text()),
                None => format!("known schemes: {}", schemes_text()),
            },
            AddressError::MixedSchemes { .. } => "write one step for each scheme and unite the results".to_owned(),
            AddressError::EmptyPart { scheme } => {
                format!("write `{}://PART` or `{}://PART,PART`, parts being {}", scheme.name(), scheme.name(), scheme.summary())
            }
            AddressError::NoHost { scheme } => format!("write `{}://HOST/PATH`", scheme.name()),
            AddressError::Credentials => {
                "huntflows and plans are shared: keep secrets out of them, and serve the data without or download it first"
                    .to_owned()
            }
            AddressError::ControlCharacter => "remove line breaks and other invisible characters".to_owned(),
        }
    }
}

fn schemes_text() -> String {
    known_schemes().map(|name| format!("{name}://")).join(", ")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn addresses_and_their_canonical_text() {
        let texts = [
            "file:///a.json",
            "FILE:///a.json,/b.json",
            "file:///a.json,file:///b.json",
            "stixbundle://logs/a.json, b.json",
            "stixbundle://https://h:8000/a.json,h/b.json",
            "stixbundle://a.json,http://h/b.json,c.json",
            "stixbundle://http://h/b.json,stixbundle://c.json,https://i/d",
            "https://h/a.json,h/b.json",
            "https://h/a.json,https://h/b.json?x=1",
            "stixshifter://lab101,lab102",
            "file://C:\\data\\a.json",
        ];
        let mut out = String::new();
        for text in texts {
            let address = Address::parse(text).expect("an address");
            let canonical = address.to_string();
            assert_eq!(Address::parse(&canonical).as_ref(), Ok(&address), "{text}");
            writeln!(out, "{canonical}  {:?}", address.parts()).expect("text");
        }
        insta::assert_snapshot!(out, @r#"
        file:///a.json  [File("/a.json")]
        file:///a.json,/b.json  [File("/a.json"), File("/b.json")]
        file:///a.json,/b.json  [File("/a.json"), File("/b.json")]
        stixbundle://logs/a.json,b.json  [File("logs/a.json"), File("b.json")]
        stixbundle://https://h:8000/a.json,h/b.json  [Url("https://h:8000/a.json"), Url("https://h/b.json")]
        stixbundle://a.json,http://h/b.json,c.json  [File("a.json"), Url("http://h/b.json"), File("c.json")]
        stixbundle://http://h/b.json,stixbundle://c.json,https://i/d  [Url("http://h/b.json"), File("c.json"), Url("https://i/d")]
        https://h/a.json,h/b.json  [Url("https://h/a.json"), Url("https://h/b.json")]
        https://h/a.json,h/b.json?x=1  [Url("https://h/a.json"), Url("https://h/b.json?x=1")]
        stixshifter://lab101,lab102  [Profile("lab101"), Profile("lab102")]
        file://C:\data\a.json  [File("C:\\data\\a.json")]
        "#);
    }

    #[test]
    fn mistakes_say_what_to_do() {
        let texts = [
            "a.json",
            "fil:///a.json",
            "splunk://x",
            "file://",
            "file:///a,,/b",
            "file:///a,https://h/b",
            "https:///a",
            "https://me:secret@h/a",
            "file:///a\nb",
            "stixbundle://ftp://h/a",
        ];
        let mut out = String::new();
        for text in texts {
            let error = Address::parse(text).expect_err("no address");
            writeln!(out, "{}: {error}\n  help: {}", text.escape_default(), error.help()).expect("text");
        }
        insta::assert_snapshot!(out, @r"
        a.json: data source `a.json` has no scheme
          help: write `file://a.json` for a file; known schemes: file://, http://, https://, stixbundle://, stixshifter://
        fil:///a.json: no data source interface for the scheme `fil`
          help: did you mean `file:///a.json`? known schemes: file://, http://, https://, stixbundle://, stixshifter://
        splunk://x: no data source interface for the scheme `splunk`
          help: known schemes: file://, http://, https://, stixbundle://, stixshifter://
        file://: an address `file://…` has an empty part
          help: write `file://PART` or `file://PART,PART`, parts being files with STIX bundles or logs
        file:///a,,/b: an address `file://…` has an empty part
          help: write `file://PART` or `file://PART,PART`, parts being files with STIX bundles or logs
        file:///a,https://h/b: one address mixes the schemes `file` and `https`
          help: write one step for each scheme and unite the results
        https:///a: an address `https://…` has no host
          help: write `https://HOST/PATH`
        https://me:secret@h/a: an address must not contain a user name or password
          help: huntflows and plans are shared: keep secrets out of them, and serve the data without or download it first
        file:///a\nb: an address must not contain control characters
          help: remove line breaks and other invisible characters
        stixbundle://ftp://h/a: no data source interface for the scheme `ftp`
          help: did you mean `http://h/a`? known schemes: file://, http://, https://, stixbundle://, stixshifter://
        ");
    }
}
