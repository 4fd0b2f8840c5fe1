//! The OpenID provider, as applications and browsers meet it.

mod authorizing;
mod bearers;
mod codes;
mod ending;
mod fixture;
mod keys;
mod refreshing;
mod registering;
mod resuming;
mod telling;
