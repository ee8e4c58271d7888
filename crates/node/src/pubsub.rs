//! The gRPC face of a node's hub: other processes follow it and publish through it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::Stream;
use meridian_proto::pubsub::{
    Interests, Messages, NamesRequest, NamesResponse, PublishRequest, PublishResponse,
    pub_sub_service_server::{PubSubService, PubSubServiceServer},
};
use meridian_router::pubsub::{Following, Hub, Message, Space};
use tonic::{Request, Response, Status, Streaming};

/// Messages may be as large as the largest value, many together.
const MESSAGE_BYTES: usize = 1 << 30;

/// The service of a hub.
pub(crate) fn service(hub: Arc<Hub>) -> PubSubServiceServer<impl PubSubService> {
    PubSubServiceServer::new(Service { hub })
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES)
}

struct Service {
    hub: Arc<Hub>,
}

#[tonic::async_trait]
impl PubSubService for Service {
    type FollowStream = Follow;

    async fn follow(&self, request: Request<Streaming<Interests>>) -> Result<Response<Follow>, Status> {
        Ok(Response::new(Follow { following: self.hub.follow(), interests: request.into_inner() }))
    }

    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishResponse>, Status> {
        let message = request.into_inner().message.ok_or_else(|| Status::invalid_argument("no message"))?;
        let space = known(Space::of_wire(message.space()))?;
        let counting = match message.census {
            true => self.hub.census(space, &message.channel),
            false => {
                self.hub.publish(&Message { space, channel: message.channel, payload: message.payload }, 0)
            }
        };
        Ok(Response::new(PublishResponse { count: counting.count().await }))
    }

    async fn names(&self, request: Request<NamesRequest>) -> Result<Response<NamesResponse>, Status> {
        let space = known(Space::of_wire(request.into_inner().space()))?;
        Ok(Response::new(NamesResponse { names: self.hub.names(space).into_iter().collect() }))
    }
}

fn known(space: Option<Space>) -> Result<Space, Status> {
    space.ok_or_else(|| Status::invalid_argument("unknown kind of names"))
}

/// A stream under way: polled for messages, it takes what the process says.
pub(crate) struct Follow {
    following: Following,
    interests: Streaming<Interests>,
}

impl Stream for Follow {
    type Item = Result<Messages, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match Pin::new(&mut this.interests).poll_next(cx) {
                Poll::Ready(Some(Ok(interests))) => this.following.change(interests),
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(None),
                Poll::Pending => break,
            }
        }
        this.following.poll_take(cx).map(|messages| messages.map(Ok))
    }
}
