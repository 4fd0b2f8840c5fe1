//! The scheduler: each minute, asks the application to do what is due.

mod bindings {
    #![expect(
        unsafe_code,
        reason = "the generated export of a component can't do without"
    )]

    wit_bindgen::generate!({ path: "wit", world: "spin-cron" });

    export!(Scheduler);

    pub(crate) struct Scheduler;
}

use bindings::{Error, Guest, Metadata, Scheduler};
use engine::scheduling;
use platform::Platform;

impl Guest for Scheduler {
    async fn handle_cron_event(_metadata: Metadata) -> Result<(), Error> {
        match scheduling::run(&Platform::new()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Other(error.to_string())),
        }
    }
}
