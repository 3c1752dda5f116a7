//! A program run to its end: watched, limited in time, stopped with everything it started.

use std::{
    fs,
    io::{self, Read},
    os::unix::process::CommandExt,
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::run::Cancel;

/// Bytes kept of each output: the last ones.
const KEPT: usize = 64 << 10;

/// The variable that marks all processes of one run, so that those which left the group are found.
const MARK: &str = "KESTREL_ANALYTICS_RUN";

/// How often processes are counted.
const COUNTING: Duration = Duration::from_millis(200);

/// How a program ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself.
    Exit(ExitStatus),
    /// It was stopped at its time limit.
    TimedOut,
    /// The hunt was stopped.
    Stopped,
    /// It was stopped since it started too many processes.
    TooMany,
}

/// What is left of a program.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) ended: Ended,
    /// The end of its standard output.
    pub(super) stdout: String,
    /// The end of its standard error.
    pub(super) stderr: String,
}

impl Finished {
    /// Returns what it printed, both outputs, without blank lines around; at most `most` bytes.
    pub(super) fn printed(&self, most: usize) -> String {
        let mut text = String::new();
        for part in [self.stdout.trim(), self.stderr.trim()] {
            if !part.is_empty() {
                let from = part.len().saturating_sub(most / 2);
                let from = (from..=part.len()).find(|at| part.is_char_boundary(*at)).unwrap_or(part.len());
                text.push_str(if text.is_empty() { "" } else { "\n" });
                text.push_str(if from > 0 { "…" } else { "" });
                text.push_str(&part[from..]);
            }
        }
        text
    }
}

/// Runs a program. When it ends, for whatever reason, the processes it started end too.
pub(super) fn run(command: &mut Command, timeout: Option<Duration>, cancel: &Cancel) -> io::Result<Finished> {
    run_within(command, Limits { timeout, processes: None }, cancel)
}

/// What a program may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) timeout: Option<Duration>,
    /// Most processes at a time, itself included. Looked at every now and then, which bounds
    /// what a fork bomb does without rights over control groups; where processes cannot be
    /// looked at (no `/proc`), it does nothing.
    pub(super) processes: Option<u32>,
}

/// [`run`], with a limit on the number of processes too.
pub(super) fn run_within(command: &mut Command, limits: Limits, cancel: &Cancel) -> io::Result<Finished> {
    let Limits { timeout, processes } = limits;
    let mark = uuid_like();
    let mut child = command
        .env(MARK, &mark)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let (done, ended_readers) = mpsc::channel();
    let stdout = child.stdout.take().map(|pipe| keep_end(pipe, done.clone()));
    let stderr = child.stderr.take().map(|pipe| keep_end(pipe, done));
    let pid = Pid::from_child(&child);
    let until = timeout.map(|limit| Instant::now() + limit);
    let mut pause = Duration::from_millis(1);
    let mut next_count = Instant::now() + COUNTING;
    let cut = loop {
        // Without reaping: until then its number, which the group is called by, is not given anew.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if !matches!(waitid(WaitId::Pid(pid), options), Ok(None) | Err(rustix::io::Errno::INTR)) {
            break None;
        }
        if cancel.is_stopped() {
            break Some(Ended::Stopped);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            break Some(Ended::TimedOut);
        }
        if let Some(most) = processes
            && Instant::now() >= next_count
        {
            if count_of(pid, &mark) > most as usize {
                break Some(Ended::TooMany);
            }
            next_count = Instant::now() + COUNTING;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    // An error says that the group is gone already.
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait()?;
    end_marked(&mark);
    for _ in 0..2 {
        // Something that could not be ended may hold the pipes; nobody waits for it.
        let _ = ended_readers.recv_timeout(Duration::from_secs(2));
    }
    let text = |kept: Option<Arc<Mutex<Vec<u8>>>>| {
        kept.map(|kept| String::from_utf8_lossy(&lock(&kept)).into_owned()).unwrap_or_default()
    };
    Ok(Finished { ended: cut.unwrap_or(Ended::Exit(status)), stdout: text(stdout), stderr: text(stderr) })
}

/// Says how a program ended that gave no answer.
pub(super) fn status_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(9)) => "was killed (signal 9), perhaps for want of memory".to_owned(),
        (None, Some(11)) => "crashed (signal 11)".to_owned(),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Counts the processes of a group, and those elsewhere that carry the mark.
fn count_of(group: Pid, mark: &str) -> usize {
    let wanted = format!("{MARK}={mark}");
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let belongs = |folder: &std::path::Path| {
        // After the name in parentheses: state, parent, group.
        let group_of =
            |stat: &str| stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(2)?.parse::<i32>().ok();
        fs::read_to_string(folder.join("stat"))
            .is_ok_and(|stat| group_of(&stat) == Some(group.as_raw_nonzero().get()))
            || fs::read(folder.join("environ"))
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes()))
    };
    let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    entries.flatten().filter(|entry| is_process(&entry.file_name()) && belongs(&entry.path())).count()
}

/// Ends processes that carry the mark, whatever group they moved to. Where processes cannot be
/// looked at (no `/proc`), those that left the group stay.
fn end_marked(mark: &str) {
    let wanted = format!("{MARK}={mark}");
    for _ in 0..20 {
        let mut found = false;
        let Ok(entries) = fs::read_dir("/proc") else { return };
        for entry in entries.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
            if environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes())
                && let Some(pid) = Pid::from_raw(pid)
            {
                found |= kill_process(pid, Signal::KILL).is_ok();
            }
        }
        if !found {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A text that no other run has.
fn uuid_like() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let random = ahash::RandomState::new().hash_one(std::process::id());
    format!("{}-{}-{random:016x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Reads a pipe to its end in a thread and keeps the last bytes.
fn keep_end(mut pipe: impl Read + Send + 'static, done: mpsc::Sender<()>) -> Arc<Mutex<Vec<u8>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let into = kept.clone();
    let read = move || {
        let mut buffer = [0; 8192];
        while let Ok(count) = pipe.read(&mut buffer)
            && count > 0
        {
            let mut kept = lock(&into);
            kept.extend_from_slice(&buffer[..count]);
            let over = kept.len().saturating_sub(KEPT);
            if over > KEPT {
                kept.drain(..over);
            }
        }
        let mut kept = lock(&into);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
        drop(kept);
        // The receiver may have stopped waiting.
        let _ = done.send(());
    };
    // Without a thread the program would block on a full pipe; then its time limit ends it.
    let _ = std::thread::Builder::new().name("analytic output".to_owned()).spawn(read);
    kept
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_is_bounded_and_its_end_kept() {
        let mut command =
            shell("i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; echo oops >&2; exit 7");
        let finished = run(&mut command, None, &Cancel::new()).expect("it runs");
        assert!(matches!(finished.ended, Ended::Exit(status) if status.code() == Some(7)));
        assert!(finished.stdout.len() <= KEPT && finished.stdout.ends_with("line 29999\n"));
        assert_eq!(finished.stderr, "oops\n");
        assert!(finished.printed(60).starts_with('…'));
    }

    #[test]
    fn what_a_program_started_ends_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("alive");
        // One child in the group, one that left it.
        let script = format!(
            "(sleep 1; touch {0}) & (setsid sh -c 'sleep 1; touch {0}' >/dev/null 2>&1 &) ; sleep 60",
            file.display()
        );
        let started = Instant::now();
        let finished =
            run(&mut shell(&script), Some(Duration::from_millis(300)), &Cancel::new()).expect("it runs");
        assert!(matches!(finished.ended, Ended::TimedOut));
        assert!(started.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!file.exists());
    }

    #[test]
    fn a_fork_bomb_is_stopped() {
        let mut command =
            shell("i=0; while [ $i -lt 300 ]; do sleep 60 & i=$((i+1)); done; setsid sleep 61 & wait");
        let limits = Limits { timeout: Some(Duration::from_secs(30)), processes: Some(100) };
        let started = Instant::now();
        let finished = run_within(&mut command, limits, &Cancel::new()).expect("it runs");
        assert!(matches!(finished.ended, Ended::TooMany), "{finished:?}");
        assert!(started.elapsed() < Duration::from_secs(20));
        let few = Limits { processes: Some(100), timeout: None };
        let finished = run_within(&mut shell("sleep 0.5 & sleep 0.5 & wait"), few, &Cancel::new());
        assert!(matches!(finished.expect("it runs").ended, Ended::Exit(_)));
    }

    #[test]
    fn stopping_the_hunt_stops_the_program() {
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            stop.stop();
        });
        let finished = run(&mut shell("sleep 60"), None, &cancel).expect("it runs");
        assert!(matches!(finished.ended, Ended::Stopped));
        stopper.join().expect("it ends");
    }
}
