import Basics
import NIOCore
import NIOHTTP1

/// Holds a connection's place in the ``DescriptorBudget`` of its listener until the descriptor is closed, or a stream takes the place over.
///
/// Its pipeline position is where requests and responses are HTTP/1 parts. Runs on the event loop of its channel.
final class ConnectionPlaceHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let budget: DescriptorBudget
    private let holder: DescriptorBudget.Holder

    /// - Parameter holder: passes the place to the task that handles the connection's requests. If it is empty, the connection takes a
    ///   place when it becomes active.
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

    /// Releases the place. The channel has already closed the descriptor.
    func handlerRemoved(context: ChannelHandlerContext) { self.holder.place = nil }

    /// Marks the place as idle after each response: requests of a connection are handled one after another, so none is in progress.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = self.unwrapOutboundIn(data) { self.holder.place?.requestsAnswered() }
        context.write(data, promise: promise)
    }

    /// Transfers the place to `descriptor`, a duplicate of the channel's. See ``DescriptorBudget/Place/handOver(to:isStream:)``.
    func handOver(to descriptor: Int32, isStream: Bool) -> DescriptorBudget.Place? {
        let place = self.holder.place
        place?.handOver(to: descriptor, isStream: isStream)
        return place
    }

    private func enter(_ context: ChannelHandlerContext) {
        guard self.holder.place == nil else { return }
        let channel = context.channel
        // Deferred to the next turn of the event loop: the budget may close this very connection while its `channelActive` still runs.
        self.holder.place = self.budget.enter { channel.eventLoop.execute { channel.close(promise: nil) } }
    }
}
