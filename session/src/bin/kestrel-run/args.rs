//! The command line of `kestrel-run`.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

/// Execute Kestrel huntflows, or plans made by `kestrelc build`.
///
/// Several files are one hunt, in order; `-` is standard input. Results go to standard output,
/// progress and messages to standard error.
#[derive(Debug, Parser)]
#[command(name = "kestrel-run", version, after_help = AFTER, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Huntflows, one plan, or `-`.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// How results are shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Write results to a file instead of standard output; completely or not at all.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// In JSON, give the rows of every variable with all attributes.
    #[arg(long)]
    pub(crate) rows: bool,
    /// At most so many rows of each variable and table; what is left out is said.
    #[arg(long, value_name = "N")]
    pub(crate) max_rows: Option<u64>,
    /// Configuration to use instead of the `kestrel.toml` found from the huntflow's folder upwards.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Run only hunts that keep to this policy; anything else is refused before it starts.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Threads that read data sources; 0 means one for each processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) jobs: usize,
    /// Memory for the database, such as 500M or 2G; what does not fit goes to a private temporary folder.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
    /// Stop after so long, such as 90s, 5m or 1h; results made until then are shown.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Read every data source anew, and keep nothing for the next run.
    #[arg(long)]
    pub(crate) no_cache: bool,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Use no network: web sources come from the cache, those that are not there fail.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Say on standard error where the time went, operation by operation, and write a trace for
    /// Perfetto or chrome://tracing.
    #[arg(long, value_name = "TRACE", num_args = 0..=1, require_equals = true, default_missing_value = "kestrel-trace.json")]
    pub(crate) profile: Option<PathBuf>,
    /// How much to optimize the plan: 0 nothing, 1 only remove, 2 everything.
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub(crate) level: u8,
    /// Run exactly these passes over the plan instead of a level's: names separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', num_args = 0..=1, default_missing_value = "", conflicts_with = "level")]
    pub(crate) passes: Option<Vec<String>>,
}

/// What else the program does. A huntflow of such a name is given as `./analytics`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the analytics that are configured, or try one.
    Analytics {
        #[command(subcommand)]
        action: Option<AnalyticsAction>,
        /// Configuration to use instead of the `kestrel.toml` found from here upwards.
        #[arg(long, global = true, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Show what is kept of data sources that were read, or remove it.
    Cache {
        #[command(subcommand)]
        action: Option<CacheAction>,
        #[command(flatten)]
        cache: CacheArgs,
    },
    /// Look whether what is configured works: files, interpreters, libraries, containers.
    Doctor {
        /// Configuration to use instead of the `kestrel.toml` found from here upwards.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Where the cache is and how large it may grow.
#[derive(Debug, clap::Args)]
pub(crate) struct CacheArgs {
    /// Folder of the cache; by default `kestrel` in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// How large the cache may grow, such as 500M or 20G; what was not used for longest goes first.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) cache_size: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Remove everything.
    Clear,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AnalyticsAction {
    /// Run an analytic on a few rows made up for this.
    Test {
        /// Its address, such as `python://score`, or its name.
        name: String,
        /// Type of the entities.
        #[arg(long = "type", value_name = "TYPE", default_value = "process")]
        entity_type: String,
        /// How many variables it gets; by default as many as it wants.
        #[arg(long, value_name = "N")]
        inputs: Option<usize>,
        /// An argument, as in `WITH`; may be repeated.
        #[arg(long = "with", value_name = "KEY=VALUE")]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for people.
    Text,
    /// One JSON document.
    Json,
    /// One self-contained page.
    Html,
}

const AFTER: &str = "\
Examples:
  kestrel-run hunt.hf
  kestrel-run --format json --rows hunt.hf > results.json
  kestrelc build hunt.hf -o hunt.kplan && kestrel-run hunt.kplan
  kestrel-run analytics test python://score --type process --with KEY=abc

Exit codes:
  0  done
  1  done, but the answer of a data source was incomplete
  2  the huntflow, plan or command line is wrong
  3  a data source or analytic failed, or the run was stopped; its step has no result
  4  refused by policy";

/// Reads a size in bytes: a whole number with K, M, G or T, in powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write a number with K, M or G, such as 500M");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return Err(wrong()),
    };
    match number.checked_mul(1 << shift) {
        Some(bytes) if bytes >= 16 << 20 => Ok(bytes),
        Some(_) => Err("at least 16M are needed".to_owned()),
        None => Err(wrong()),
    }
}

/// Reads a duration: a whole number with s, m or h.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write a number with s, m or h, such as 90s");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    match number.checked_mul(seconds) {
        Some(0) => Err("a time limit of zero stops every run".to_owned()),
        Some(total) => Ok(Duration::from_secs(total)),
        None => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations() {
        assert_eq!(size("512M"), Ok(512 << 20));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert!(size("1K").is_err() && size("x").is_err() && size("99999999999T").is_err());
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert!(duration("0").is_err() && duration("5 days").is_err());
    }
}
