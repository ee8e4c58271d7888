//! The gRPC door of a process: administration is open from the start, everything else once the process is a node.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use tonic::{
    Status,
    body::Body,
    codegen::{Service, http},
    service::Routes,
};

/// Routes requests to services that come into being one after the other.
#[derive(Clone)]
pub(crate) struct Gate {
    first: Routes,
    /// Path prefix of what `first` serves.
    prefix: &'static str,
    rest: Arc<OnceLock<Routes>>,
}

impl Gate {
    pub(crate) fn new(first: Routes, prefix: &'static str) -> Gate {
        Gate { first, prefix, rest: Arc::default() }
    }

    /// Opens the rest, once.
    pub(crate) fn open(&self, rest: Routes) {
        if self.rest.set(rest).is_err() {
            unreachable!("a process becomes a node once");
        }
    }
}

impl Service<http::Request<Body>> for Gate {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let routes =
            if request.uri().path().starts_with(self.prefix) { Some(&self.first) } else { self.rest.get() };
        match routes.cloned() {
            Some(mut routes) => Box::pin(async move { routes.call(request).await }),
            None => {
                let refused = Status::unavailable("this process belongs to no cluster yet").into_http();
                Box::pin(std::future::ready(Ok(refused)))
            }
        }
    }
}
