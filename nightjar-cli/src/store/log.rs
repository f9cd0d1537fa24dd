//! Log of the runs of a store: its lines are shown once a call has gone well. Those of one that
//! failed are in its error.

use crate::output;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// What extensions have printed since the last look.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Makes this process's log this one.
    pub(super) fn install() -> Self {
        let log = Self::default();
        // Fails only if there is one already.
        let _ = tracing::subscriber::set_global_default(log.clone());
        log
    }

    /// Shows the lines, or drops them if the call has failed.
    pub(super) fn end_call(&self, has_failed: bool) {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !has_failed {
            for line in &lines {
                output::message(line);
            }
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("nightjar_core")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        // Nothing here looks at spans.
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if *event.metadata().level() < Level::INFO {
            output::warning(&fields.message);
        } else if let Some(extension) = fields.extension {
            let line = format!("{extension}: {}", fields.message);
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What is of interest in an event.
#[derive(Default)]
struct Fields {
    message: String,
    extension: Option<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "extension" {
            self.extension = Some(value.to_owned());
        }
    }
}
