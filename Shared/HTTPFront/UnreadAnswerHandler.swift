import Basics
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes the connection of a client that does not read its answers.
///
/// Nothing else does: the kernel keeps a connection whose peer acknowledges that its window is full, and a connection with an unwritten answer is not
/// idle. During a shutdown the time is a few seconds, so that no client delays the process's end.
final class UnreadAnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPRequestPart

    /// Time limit during a shutdown.
    private static let timeoutWhileStopping = TimeAmount.seconds(5)

    private let timeout: TimeAmount
    private var isStopping = false
    /// Set while the channel is not writable.
    private var deadline: Scheduled<Void>?

    /// - Parameter timeout: for how long the client may read too little for the channel to become writable: for most of an answer of a mebibyte, over the
    ///   slowest of lines.
    init(timeout: TimeAmount = .minutes(5)) {
        self.timeout = timeout
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.cancel()
        if !context.channel.isWritable { self.setDeadline(context) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            self.isStopping = true
            if self.deadline != nil {
                self.cancel()
                self.setDeadline(context)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.cancel()
    }

    private func cancel() {
        self.deadline?.cancel()
        self.deadline = nil
    }

    private func setDeadline(_ context: ChannelHandlerContext) {
        let timeout = self.isStopping ? min(self.timeout, Self.timeoutWhileStopping) : self.timeout
        let channel = context.channel
        self.deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    }
}
