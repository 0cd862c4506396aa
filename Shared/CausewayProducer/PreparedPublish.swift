/// An event that can be published without a task; see ``EventProducer/prepareChecked(_:intake:)``.
package struct PreparedPublish: Sendable {
    /// Receives the result of ``EventProducer/publish(_:intake:timeout:)``. Called once, on any thread; must not block.
    package typealias Completion = @Sendable (Result<PublishedEvent, ProducerError>) -> Void

    private let start: @Sendable (_ timeout: Duration?, _ completion: @escaping Completion) -> Void

    /// - Parameter start: sends the event, and returns at once.
    package init(_ start: @escaping @Sendable (_ timeout: Duration?, _ completion: @escaping Completion) -> Void) {
        self.start = start
    }

    /// Sends the event. Does not wait.
    ///
    /// - Parameter timeout: how long to retry; nil for ``ProducerConfiguration/timeout``.
    package func send(timeout: Duration?, completion: @escaping Completion) { start(timeout, completion) }
}
