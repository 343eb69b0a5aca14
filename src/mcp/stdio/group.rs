//! The process group of a server, and its end.

use tokio::process::{Child, Command};

use crate::mcp::error::How;

/// Kills the whole group when it is dropped, whatever the reason.
#[derive(Debug)]
pub(super) struct Group {
    /// `None` once the group has been killed: its number may then be given to another.
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    /// Makes the child the leader of a group of its own; a terminal's Ctrl-C does not reach it then.
    pub(super) fn prepare(command: &mut Command) {
        command.process_group(0);
    }

    pub(super) fn of(child: &Child) -> Self {
        let leader =
            child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        Group { leader }
    }

    /// Looks whether the leader has exited, and leaves it to be reaped: while it is not, the number of the group
    /// cannot be reused.
    pub(super) fn exited(&self, _child: &mut Child) -> Option<How> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = match waitid(WaitId::Pid(self.leader?), options) {
            Ok(status) => status?,
            // Somebody else reaps the children of this process: it is gone, and nobody knows how.
            Err(_) => return Some(How::Closed),
        };
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Some(How::Exited(code)),
            (None, Some(signal)) => Some(How::Signalled(signal)),
            (None, None) => None,
        }
    }

    /// Asks every process of the group to terminate.
    pub(super) fn terminate(&self) {
        if let Some(leader) = self.leader {
            // Fails only when nobody is left.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::TERM);
        }
    }

    /// Ends every process of the group.
    pub(super) fn kill(&mut self, _child: &mut Child) {
        self.kill_group();
    }

    fn kill_group(&mut self) {
        if let Some(leader) = self.leader.take() {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        self.kill_group();
    }
}

// Without process groups, the child alone is ended; `kill_on_drop` covers the dropped connection.
#[cfg(not(unix))]
impl Group {
    pub(super) fn prepare(_command: &mut Command) {}

    pub(super) fn of(_child: &Child) -> Self {
        Group {}
    }

    pub(super) fn exited(&self, child: &mut Child) -> Option<How> {
        match child.try_wait() {
            Ok(Some(status)) => Some(status.code().map_or(How::Closed, How::Exited)),
            Ok(None) => None,
            Err(_) => Some(How::Closed),
        }
    }

    pub(super) fn terminate(&self) {}

    pub(super) fn kill(&mut self, child: &mut Child) {
        let _ = child.start_kill();
    }
}
