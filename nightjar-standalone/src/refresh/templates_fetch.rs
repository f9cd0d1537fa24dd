//! Fetch of templates that goes on while refreshes end without it.

use nightjar_core::{
    daemon::{FetchError, fetch},
    document::templates::Templates,
    extension::{DocumentName, Host},
    shutdown::Shutdown,
};
use std::panic::resume_unwind;
use tokio::{sync::oneshot, task::JoinHandle};

type Answer = Result<Option<Templates>, FetchError>;

/// One fetch with all its tries, in a task of its own.
pub(super) struct TemplatesFetch {
    task: JoinHandle<Answer>,
    finished: Option<oneshot::Receiver<()>>,
}

impl TemplatesFetch {
    /// Begins to fetch what is newer than `previous`.
    pub(super) fn start(store: &Host, previous: Option<&str>, shutdown: &Shutdown) -> Self {
        let (store, shutdown) = (store.clone(), shutdown.clone());
        let previous = previous.map(ToOwned::to_owned);
        let (finish, finished) = oneshot::channel();
        let task = tokio::spawn(async move {
            let name = DocumentName::TEMPLATES;
            let read = fetch::<Templates>(&store, &name, previous.as_deref(), &shutdown).await;
            // No refresh waits for it if it was not late.
            let _ = finish.send(());
            Ok(read?.map(|read| read.document))
        });
        Self {
            task,
            finished: Some(finished),
        }
    }

    /// The templates; `None` if there are no newer ones. May be dropped and called again until it has
    /// answered.
    ///
    /// # Errors
    /// [`FetchError`], after the last try.
    pub(super) async fn answer(&mut self) -> Answer {
        match (&mut self.task).await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // Aborted, as the program ends.
                Err(_) => Ok(None),
            },
        }
    }

    /// Ends with the fetch; `None` if it has been asked for before.
    pub(super) fn finished(&mut self) -> Option<impl Future<Output = ()> + use<>> {
        let finished = self.finished.take()?;
        Some(async move {
            let _ = finished.await;
        })
    }
}
