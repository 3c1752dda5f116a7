//! Whether a path lies in a folder, judged by its text alone: nothing is looked up.
//!
//! A path whose meaning is open until the hunt runs lies nowhere: `..` that leads out, or `$NAME`
//! and `~` that the folder does not name itself. Links are not followed here; `kestrel-run` resolves
//! them before it writes.

/// Folders that files may be in, and below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    folders: Vec<(String, Clean)>,
}

/// A path without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clean {
    /// From the root, a drive, a home.
    absolute: bool,
    parts: Vec<String>,
}

/// The folder cannot be used in a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` leads out of the folder it starts in")]
pub struct BadFolder(String);

impl Folders {
    /// Takes folders as written; `.` is the folder in which the hunt runs.
    pub fn new(folders: &[String]) -> Result<Folders, BadFolder> {
        let clean = |text: &String| {
            Clean::of(text).map(|clean| (text.clone(), clean)).ok_or_else(|| BadFolder(text.clone()))
        };
        Ok(Folders { folders: folders.iter().map(clean).collect::<Result<_, _>>()? })
    }

    /// Returns the folders as written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().map(|(text, _)| text.as_str())
    }

    /// Returns true if the path lies in one of them.
    pub fn hold(&self, path: &str) -> bool {
        let Some(path) = Clean::of(path) else { return false };
        self.folders.iter().any(|(_, folder)| {
            let inside = folder.absolute == path.absolute && path.parts.starts_with(&folder.parts);
            let rest = path.parts.get(folder.parts.len()..).unwrap_or_default();
            // What a variable or a home stands for is known only to whoever wrote the folder.
            inside && !rest.is_empty() && !rest.iter().any(|part| part.contains('$') || part.starts_with('~'))
        })
    }
}

impl Clean {
    /// None if `..` leads out, or if it is no path.
    fn of(text: &str) -> Option<Clean> {
        let text = match text.split_once("://") {
            // As `LOAD` and `SAVE` take it.
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => rest,
            Some(_) => return None,
            None => text,
        };
        let bytes = text.as_bytes();
        let drive = bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1) == Some(&b':');
        let absolute = text.starts_with(['/', '\\']) || drive;
        let mut parts: Vec<String> = Vec::new();
        for part in text.split(['/', '\\']) {
            match part {
                "" | "." => {}
                ".." => {
                    // Going up from a variable or a home leads anywhere.
                    let before = parts.pop()?;
                    if before.contains('$') || before.starts_with('~') {
                        return None;
                    }
                }
                part => parts.push(part.to_owned()),
            }
        }
        Some(Clean { absolute, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_lie_nowhere() {
        let folders = Folders::new(&["out".into(), "/srv/hunts/".into(), "~/kestrel".into(), "$CASE".into()]);
        let folders = folders.unwrap();
        let here = Folders::new(&[".".into()]).unwrap();
        let mut lines = Vec::new();
        for path in [
            "out/a.csv",
            "./out/x/../a.csv",
            "out",
            "output/a.csv",
            "out/../a.csv",
            "../out/a.csv",
            "out/../../etc/passwd",
            "out\\..\\..\\x",
            "/srv/hunts/a",
            "/srv/hunts/../x",
            "/srv",
            "/out/a",
            "~/kestrel/a",
            "~/a",
            "~/kestrel/../a",
            "~/../a",
            "$CASE/a",
            "$CASE/../a",
            "out/$X",
            "$X/a",
            "C:\\a",
            "a.csv",
            "file:///etc/x",
            "file://out/x",
            "s3://out/x",
        ] {
            lines.push(format!("{path:<24} {} {}", folders.hold(path), here.hold(path)));
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        out/a.csv                true true
        ./out/x/../a.csv         true true
        out                      false true
        output/a.csv             false true
        out/../a.csv             false true
        ../out/a.csv             false false
        out/../../etc/passwd     false false
        out\..\..\x              false false
        /srv/hunts/a             true false
        /srv/hunts/../x          false false
        /srv                     false false
        /out/a                   false false
        ~/kestrel/a              true false
        ~/a                      false false
        ~/kestrel/../a           false false
        ~/../a                   false false
        $CASE/a                  true false
        $CASE/../a               false false
        out/$X                   false false
        $X/a                     false false
        C:\a                     false false
        a.csv                    false true
        file:///etc/x            false false
        file://out/x             true true
        s3://out/x               false false
        ");
        assert!(Folders::new(&["../x".into()]).is_err());
    }
}
