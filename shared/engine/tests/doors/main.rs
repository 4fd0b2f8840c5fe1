//! The doors as a client meets them: requests in, answers out, and what stands in the store.

#[cfg(test)]
mod access;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod classes;
#[cfg(test)]
mod clever;
#[cfg(test)]
mod connection;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod district;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod google;
#[cfg(test)]
mod login;
#[cfg(test)]
mod oneroster;
#[cfg(test)]
mod openid;
#[cfg(test)]
mod people;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod schools;
#[cfg(test)]
mod series;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod webhook;
