import Basics
import Synchronization

/// Collects the messages of one pull request until it has enough, the server ends the request, or it fails.
///
/// Its ``RequestTable`` entry provides the deadline and detects a lost connection; the code that removes the entry answers the caller.
/// The messages arrive over a separate subscription, because JetStream delivers them under their original subject.
final class PullCollector: PendingReply {
    let subject: String
    /// Completes when the request ends.
    let result = OneShot<Result<[JetStreamMessage], JetStreamError>>()
    private let batch: Int
    /// Removes the request from the table; false if it was removed before.
    private let claim: @Sendable () -> Bool
    private let messages = Mutex<[JetStreamMessage]>([])

    init(subject: String, batch: Int, claim: @escaping @Sendable () -> Bool) {
        self.subject = subject
        self.batch = batch
        self.claim = claim
    }

    /// Handles a message of the subscription. Called on its delivery thread.
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

    /// Handles a message to the token's own subject: only the server's status messages arrive there.
    func resolve(with delivery: borrowing NATSDelivery) {
        answer(with: delivery.status.map { JetStreamError(status: $0, description: delivery.statusDescription) })
    }

    func fail(with error: NATSError) {
        answer(with: JetStreamError(error))
    }

    private func end(with error: JetStreamError?) {
        if claim() { answer(with: error) }
    }

    /// Answers the caller; with an error only if there are no messages or the caller was cancelled.
    private func answer(with error: JetStreamError?) {
        let messages = messages.withLock { $0 }
        if let error, messages.isEmpty || error.code == .cancelled {
            result.settle(.failure(error))
        } else {
            result.settle(.success(messages))
        }
    }
}
