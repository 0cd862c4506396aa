import NIOCore

/// Runs the tasks of a connection on the thread of its event loop.
///
/// A request's parts, its handler and its response then need no switch between threads; what a handler waits for elsewhere, such as the log's
/// acknowledgement, brings it back with one. A handler must not keep the thread for long: it serves other connections. It gives long computations to
/// `globalConcurrentExecutor`.
final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    /// - Parameter loop: must outlive the tasks.
    init(_ loop: any EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Keeps the executor until the job has run: the job that ends the connection's task releases the last other reference.
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
