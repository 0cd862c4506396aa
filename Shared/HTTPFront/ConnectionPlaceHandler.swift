import Basics
import NIOCore
import NIOHTTP1

/// Holds a connection's place in the ``DescriptorBudget`` of its listener until the descriptor is closed, or a stream takes the place along.
///
/// Stands where requests and responses are HTTP/1 parts. On the event loop of its channel.
final class ConnectionPlaceHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let budget: DescriptorBudget
    private let holder: DescriptorBudget.Holder

    /// - Parameter holder: shows the place to the task that answers the connection's requests. Without one in it, the connection takes a place when it
    ///   becomes active.
    init(budget: DescriptorBudget, holder: DescriptorBudget.Holder = DescriptorBudget.Holder()) {
        self.budget = budget
        self.holder = holder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.enter(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.enter(context)
        context.fireChannelActive()
    }

    /// The channel has closed the descriptor by now.
    func handlerRemoved(context: ChannelHandlerContext) { self.holder.place = nil }

    /// Requests of a connection are answered one after another, so behind the end of an answer none is under way.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = self.unwrapOutboundIn(data) { self.holder.place?.requestsAnswered() }
        context.write(data, promise: promise)
    }

    /// Hands the place over with `descriptor`, a duplicate of the channel's. See ``DescriptorBudget/Place/handOver(to:isStream:)``.
    func handOver(to descriptor: Int32, isStream: Bool) -> DescriptorBudget.Place? {
        let place = self.holder.place
        place?.handOver(to: descriptor, isStream: isStream)
        return place
    }

    private func enter(_ context: ChannelHandlerContext) {
        guard self.holder.place == nil else { return }
        let channel = context.channel
        // Deferred to the next turn of the event loop: the connection may be the one that is closed, while its pipeline is still told that it is active.
        self.holder.place = self.budget.enter { channel.eventLoop.execute { channel.close(promise: nil) } }
    }
}
