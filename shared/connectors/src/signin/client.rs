//! Our registration with a provider.

use std::fmt;

/// Our registration with a provider. Printing it does not show the secret.
#[derive(Clone, Eq, PartialEq)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// Where the browser is sent back to: registered, and the same byte for byte in the address
    /// that the browser is sent to and when the code is exchanged. A code that came without being
    /// asked for belongs to the address to which the provider delivered it.
    pub redirect_uri: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}
