//! Clients in other languages, run as they are.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::wait::within;

/// Where `scripts/setup` puts what it installs: `clients` in the target directory.
///
/// # Errors
/// If the tests run from no target directory.
pub fn client_folder() -> Result<PathBuf> {
    let test = env::current_exe().context("where is this test?")?;
    let target = test.ancestors().nth(3).context("the test is in no target directory")?;
    Ok(target.join("clients"))
}

/// A program that runs beside the test.
#[derive(Debug)]
pub struct External {
    child: Option<Child>,
    name: String,
}

impl External {
    /// Starts a program. Its output is kept until it ends, so it should say little.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Result<External> {
        let name = Path::new(command.get_program()).display().to_string();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(External { child: Some(child), name })
    }

    /// Whether it has ended, well or not.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Waits for its end and gives what it wrote.
    ///
    /// # Errors
    /// If it does not end within `limit`, or not well.
    pub fn finish(mut self, limit: Duration) -> Result<String> {
        let mut child = self.child.take().context("it was started")?;
        let waited = within(limit, &format!("the end of {}", self.name), || child.try_wait().transpose());
        if waited.is_err() {
            // Ended here, so that its output can be shown.
            let _ = child.kill();
        }
        let Output { status, stdout, stderr } = child.wait_with_output()?;
        let (said, complained) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        ensure!(
            waited.is_ok() && status.success(),
            "{}: {status}, within {limit:?}\n{said}{complained}",
            self.name
        );
        Ok(said.into_owned())
    }
}

impl Drop for External {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
