import Basics
import Synchronization

/// Collects the messages of one pull request until there are enough, the server says that no more come, or the request ends otherwise.
///
/// Its place in the ``RequestTable`` gives it a deadline and news of the connection; whoever takes it out of there answers the caller.
/// The messages themselves come over a subscription of its own, because JetStream delivers them under the subject they were published on.
final class PullCollector: PendingReply {
    /// Settled when the request has ended.
    let result = OneShot<Result<[JetStreamMessage], JetStreamError>>()
    private let batch: Int
    /// Takes the request out of the table; false if it was out already.
    private let claim: @Sendable () -> Bool
    private let messages = Mutex<[JetStreamMessage]>([])

    init(batch: Int, claim: @escaping @Sendable () -> Bool) {
        self.batch = batch
        self.claim = claim
    }

    /// Takes in what came over the subscription. Called on its delivery thread.
    func received(_ delivery: borrowing NATSDelivery) {
        switch delivery.status {
        case nil:
            guard let metadata = delivery.metadata else { return }
            let message = JetStreamMessage(message: delivery.copy(), metadata: metadata)
            let isComplete = messages.withLock { messages in
                messages.append(message)
                return messages.count == batch
            }
            if isComplete { end(with: nil) }
        case 100:
            return
        case 404, 408:
            end(with: nil)
        case let status?:
            end(with: JetStreamError(status: status, description: delivery.statusDescription))
        }
    }

    /// Nothing is sent to the token's own subject but what the server may say of the request.
    func resolve(with delivery: borrowing NATSDelivery) {
        answer(with: delivery.status.map { JetStreamError(status: $0, description: delivery.statusDescription) })
    }

    func fail(with error: NATSError) {
        answer(with: error.code == .timeout ? nil : JetStreamError(error))
    }

    private func end(with error: JetStreamError?) {
        if claim() { answer(with: error) }
    }

    /// Answers the caller: with an error only if there is no message to hand over, or the caller no longer wants any.
    private func answer(with error: JetStreamError?) {
        let messages = messages.withLock { $0 }
        if let error, messages.isEmpty || error.code == .cancelled {
            result.settle(.failure(error))
        } else {
            result.settle(.success(messages))
        }
    }
}
