//! Clients as people use them, unchanged: they connect, speak both protocols, pipeline, and come through a failover.

mod library;
mod rust;
mod tools;
