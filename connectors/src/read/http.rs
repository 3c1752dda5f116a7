//! Reads a part from the web.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::{
    StatusCode, Url,
    blocking::Client,
    redirect::{self, Attempt},
};

use super::{
    error::{Refused, Retry, SourceError, SourceErrorKind},
    options::{ReadOptions, Redirect},
    source::{Counted, OnStream, PartOutcome, read_input},
};

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// Downloads and reads `url`; `shown` is it without query.
pub(crate) fn read_url(
    url: &str,
    shown: &str,
    options: &ReadOptions,
    on_stream: &mut OnStream<'_>,
) -> PartOutcome {
    let hops = Hops::default();
    let mut outcome = match get(url, shown, options, &hops) {
        Ok(body) => read_input(body, "download", shown, shown, options, on_stream, &mut |mut input| {
            // Archives are read in any order: keep this one in a file without a name.
            let failed = |error: io::Error| SourceError::from_io(&error, "download", shown);
            let mut file = tempfile::tempfile().map_err(failed)?;
            io::copy(&mut input, &mut file).map_err(failed)?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            Ok(Counted::new(file))
        }),
        Err(error) => PartOutcome { error: Some(error), ..PartOutcome::default() },
    };
    outcome.redirect = hops.redirect(url, shown);
    outcome
}

/// Where the servers have sent the reader so far.
#[derive(Clone, Default)]
struct Hops(Arc<Mutex<Vec<Url>>>);

impl Hops {
    fn add(&self, to: &Url) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(to.clone());
    }

    /// What is to be told: nothing as long as it is the same server.
    fn redirect(&self, url: &str, shown: &str) -> Option<Redirect> {
        let hops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = Url::parse(url).ok();
        // Without ports written, http and https are two doors of one house.
        let server = |url: &Url| (url.host_str().map(str::to_owned), url.port());
        let asked = first.as_ref().map(server);
        let elsewhere = hops.iter().any(|hop| asked.as_ref() != Some(&server(hop)));
        elsewhere.then(|| Redirect { from: shown.to_owned(), to: hops.iter().map(without_query).collect() })
    }
}

/// Decides about one hop.
fn hop(attempt: Attempt<'_>, asked: &str, options: &ReadOptions, hops: &Hops) -> redirect::Action {
    let to = without_query(attempt.url());
    let from_https = attempt.previous().last().is_some_and(|from| from.scheme() == "https");
    if from_https && attempt.url().scheme() != "https" {
        return attempt.error(Stopped(format!("redirected from https to `{to}`")));
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    if let Err(why) = options.redirects.allow(asked, attempt.url().as_str()) {
        return attempt.error(Stopped(format!("redirected to `{to}`: {why}")));
    }
    hops.add(attempt.url());
    attempt.follow()
}

/// Why a redirect was not followed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Stopped(String);

/// An address as it may be shown: a query, or what stands before `@`, may be a secret.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only addresses without a host refuse this, and those have no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

fn get(url: &str, shown: &str, options: &ReadOptions, hops: &Hops) -> Result<Body, SourceError> {
    let limits = &options.limits;
    let network = |error: reqwest::Error| network_error(error, shown);
    let policy = {
        let (asked, options, hops) = (url.to_owned(), options.clone(), hops.clone());
        redirect::Policy::custom(move |attempt| hop(attempt, &asked, &options, &hops))
    };
    let client = Client::builder()
        .user_agent(concat!("kestrel/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.timeout)
        .timeout(limits.timeout)
        .redirect(policy)
        .build()
        .map_err(network)?;
    let response = client.get(url).send().map_err(network)?;
    let status = response.status();
    if status != StatusCode::OK {
        let temporary = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        return Err(SourceError {
            retry: if temporary { Retry::Temporary } else { Retry::Permanent },
            ..SourceError::new(
                SourceErrorKind::Status(status.as_u16()),
                "download",
                shown,
                format!("the server answered with status {status}"),
            )
        });
    }
    let expected = response.content_length();
    if expected.is_some_and(|length| length > limits.download) {
        let cause = format!("the answer is larger than the limit of {} bytes", limits.download);
        return Err(SourceError::new(SourceErrorKind::TooLarge, "download", shown, cause));
    }
    Ok(Body { response, left: limits.download })
}

fn network_error(error: reqwest::Error, shown: &str) -> SourceError {
    let mut kind = if error.is_timeout() { SourceErrorKind::Timeout } else { SourceErrorKind::Network };
    let retry = if error.is_builder() || error.is_redirect() { Retry::Permanent } else { Retry::Temporary };
    // Without the address, which may hold a token; the innermost cause says most.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if cause.is::<Stopped>() {
        kind = SourceErrorKind::Redirect;
    }
    SourceError { retry, ..SourceError::new(kind, "download", shown, cause.to_string()) }
}

/// An answer that may not be larger than the limit.
struct Body {
    response: reqwest::blocking::Response,
    left: u64,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.response.read(buffer).map_err(without_url)?;
        self.left = self.left.checked_sub(got as u64).ok_or_else(|| Refused {
            kind: SourceErrorKind::TooLarge,
            cause: "the answer is larger than the limit".to_owned(),
        })?;
        Ok(got)
    }
}

/// Keeps kind and cause of a failed read, and drops the address.
fn without_url(error: io::Error) -> io::Error {
    let Some(inner) = error.get_ref() else { return error };
    let timeout = inner.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout);
    let mut cause: &dyn std::error::Error = inner;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let kind = if timeout { io::ErrorKind::TimedOut } else { io::ErrorKind::ConnectionAborted };
    io::Error::new(kind, format!("the connection broke: {cause}"))
}
