//! Addresses: data sources after `FROM`, analytics after `APPLY`, files of `LOAD` and `SAVE`.

use kestrel_connectors::address::Address;
use kestrel_ir::diagnostic::{Code, Diagnostic, Span};
use kestrel_stix::suggest::nearest;

use crate::{
    ast::{PathText, Source},
    config::Config,
};

/// Schemes of analytics that this program knows.
pub const ANALYTICS_SCHEMES: [&str; 2] = ["docker", "python"];

/// Returns the canonical address of a source list, the default scheme filled in.
pub fn data_source(source: &Source, config: &Config) -> Result<String, Diagnostic> {
    let mut text = source.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(",");
    if !source.parts.iter().any(|part| part.text.contains("://")) {
        text = format!("{}://{text}", config.datasource_scheme);
    }
    match Address::parse(&text) {
        Ok(address) => Ok(address.to_string()),
        Err(error) => Err(Diagnostic::new(Code::E0203, error.to_string()).at(source.span).help(error.help())),
    }
}

/// Returns the address of an analytic, the default scheme filled in.
pub fn analytic(path: &PathText, config: &Config) -> Result<String, Diagnostic> {
    let (scheme, name) = match path.text.split_once("://") {
        Some((scheme, name)) => (scheme.to_ascii_lowercase(), name),
        None => (config.analytics_scheme.clone(), path.text.as_str()),
    };
    if !ANALYTICS_SCHEMES.contains(&scheme.as_str()) {
        let message = format!("no analytics interface for the scheme `{scheme}`");
        let near = nearest(&scheme, ANALYTICS_SCHEMES);
        let help = match near.first() {
            Some(near) => format!("did you mean `{near}://{name}`?"),
            None => format!("known schemes: {}", ANALYTICS_SCHEMES.map(|s| format!("{s}://")).join(", ")),
        };
        return Err(Diagnostic::new(Code::E0203, message).at(path.span).help(help));
    }
    if name.is_empty() {
        return Err(Diagnostic::new(Code::E0204, "the analytic has no name").at(path.span));
    }
    Ok(format!("{scheme}://{name}"))
}

/// Returns the path of a file; `file://` is taken off, other schemes are refused.
pub fn file(path: &PathText, command: &str) -> Result<String, Diagnostic> {
    check_file(&path.text, path.span, command)
}

fn check_file(text: &str, span: Span, command: &str) -> Result<String, Diagnostic> {
    match text.split_once("://") {
        None => Ok(text.to_owned()),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") && !rest.is_empty() => {
            Ok(rest.to_owned())
        }
        Some((scheme, _)) => Err(Diagnostic::new(
            Code::E0701,
            format!("{command} works on files, not on `{scheme}://` addresses"),
        )
        .at(span)
        .help("write the path of a file")),
    }
}
