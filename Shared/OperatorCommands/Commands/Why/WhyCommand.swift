import AccessControl
package import ArgumentParser
import Basics
import EventModel
import FoundationEssentials
import ServiceKit

/// `causeway why`: says why a user did not get an event, from the log and the state of the connections.
package struct WhyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Says why a user did not get an event.",
        usage: "\(ProgramName.current) why --event <id> --user <user> [--edges <url>,<url>] [--tenant <tenant>] [--connection <id>]",
        discussion: """
            Looks the event up over HTTP (--url or CAUSEWAY_URL, with the token of CAUSEWAY_TOKEN or --token-file), and asks the admin listeners of the \
            edges for the user's connections (--edges or CAUSEWAY_EDGES). The token never goes to an admin listener. It needs the role producer, \
            or admin or member, which find only events of their tenant that are for everyone or for their user. With the role admin, --edges can be left out: the \
            server then asks the edges for the connections of the token's tenant.

            The first line is one of: not in the log; another tenant's; for another user; sent; edge not following; lagging; filtered; before its cursor; \
            no connection. Further lines are about the user's other connections.

            Exit codes: 0 with an answer; 64 for a mistake on the command line; 65 when no edge knows the connection; 69 when the server or no edge \
            answers; 77 when the token does not permit it; 78 for a mistake in the configuration.
            """,
        version: ConfigurationSchema.versionText("why")
    )

    /// Maximum number of lines printed.
    private static let maximumLines = 20
    /// Maximum number of pages requested from an edge, and connections in a page, whose answer then stays below the limit of an answer.
    private static let (maximumPages, pageLimit) = (50, 100)

    @Option(help: "The id of the event, as on every surface: evt_ and 26 characters.", transform: Self.cursor)
    var event: Cursor

    @Option(help: "The user who did not get it.")
    var user: String

    @Option(help: "The user's tenant. Default: the token's.")
    var tenant: String?

    @Option(help: "Only this connection: its id, or the id of its request.")
    var connection: String?

    @Option(help: "The addresses of the edges' admin listeners, with commas between them. Default: CAUSEWAY_EDGES, else the server asks.")
    var edges: String?

    @OptionGroup var server: ServerArguments

    package init() {}

    package func run() async throws {
        let explanations = try await explain(try server.server(), environment: ProcessInfo.processInfo.environment)
        if server.output == .json {
            let reasons = explanations.map { JSONObject.Value.object($0.object(id: event.text, user: user)) }
            let answer = explanations.first?.name ?? ""
            let object: JSONObject = [
                "event": .string(event.text), "user": .string(user), "answer": .string(answer), "reasons": .array(reasons),
            ]
            Console.print(object.text)
        } else {
            for explanation in explanations.prefix(Self.maximumLines) { Console.print(explanation.sentence(id: event.text, user: user)) }
        }
    }

    /// - Throws: the exit code of the command, after printing an error message.
    private func explain(_ server: CausewayServer, environment: [String: String]) async throws -> [Explanation] {
        let asked: AskedEvent
        switch try await lookUp(server) {
        case .absent(let absence): return [.notInLog(absence)]
        case .found(let event): asked = event
        }
        let claims = AccessControlConfiguration().tenantClaims
        let own = server.token.flatMap { TokenFacts($0, tenantClaims: claims).tenant }
        guard let tenant = tenant ?? own else {
            throw Exit.because("missing tenant: the token names none; pass --tenant", Exit.configuration)
        }
        if let answer = Explanation.byEvent(asked, tenant: tenant, user: user) { return [answer] }
        let targets = try targets(environment)
        var known: [KnownEdge]
        if targets.isEmpty {
            // The server shows an admin its own tenant.
            guard tenant == own else { throw Self.missingEdges() }
            known = try await edgesOfDeployment(server)
        } else {
            known = try await knownEdges(targets, tenant)
        }
        guard !known.isEmpty else { throw Exit.because("no edge answered", Exit.unavailable) }
        if let connection {
            known = known.map { $0.only(connection) }
            guard known.contains(where: { !$0.connections.isEmpty }) else {
                throw Exit.because("no edge knows a connection \(TerminalText.safe(connection)) of this user", Exit.invalidEvent)
            }
        }
        return Explanation.byConnections(asked, known, isOfOne: connection != nil)
    }

    private enum LookUp {
        case found(AskedEvent)
        case absent(Explanation.Absence)
    }

    private func lookUp(_ server: CausewayServer) async throws -> LookUp {
        let answer: CausewayServer.Answer
        do throws(CausewayServer.Unreachable) {
            answer = try await server.send(CausewayServer.Request(path: ["v1", "events", event.text]))
        } catch {
            throw Exit.because(error.sentence, Exit.unavailable)
        }
        // A 404 that is not Causeway's says nothing about the log.
        let error = ServerWords(String(decoding: answer.body, as: UTF8.self))?.error
        switch (answer.status, error) {
        case (404, "not_found"?): return .absent(.unknown)
        case (410, "gone"?): return .absent(.removed)
        case _ where answer.isSuccess:
            guard let event = try? AskedEvent(CausewayServer.decode(StoredEventAnswer.self, answer.body)) else {
                throw Exit.because("the answer is not Causeway's: check --url", Exit.unavailable)
            }
            return .found(event)
        default: throw ServerRefusal(answer, of: server.target).exit()
        }
    }

    /// Asks all edges for the user's connections. An edge that does not answer is named on standard error; the others decide.
    private func knownEdges(_ targets: [Target], _ tenant: String) async throws -> [KnownEdge] {
        var known: [KnownEdge] = []
        for target in targets {
            do {
                known.append(try await knownEdge(target, tenant))
            } catch let error as CausewayServer.Unreachable {
                Console.complain("\(error.sentence); the answer is without this edge")
            } catch let refusal as RefusedHost {
                Console.complain(
                    """
                    \(target) does not answer to the name \(target.host): \(refusal.message) Name the edge so with --edges, such as by its \
                    address; the answer is without it
                    """
                )
            } catch is ForeignAnswer {
                Console.complain("\(target) did not answer as an edge's admin listener does: check --edges; the answer is without it")
            }
        }
        return known
    }

    /// Asks the server, which asks all its edges. One that did not answer is named on standard error; the others decide.
    private func edgesOfDeployment(_ server: CausewayServer) async throws -> [KnownEdge] {
        var pages: [DeploymentAnswer] = []
        var next: String?
        repeat {
            var query = [["user", user], ["limit", "\(Self.pageLimit)"]]
            if let next { query.append(["cursor", next]) }
            let answer: CausewayServer.Answer
            do throws(CausewayServer.Unreachable) {
                answer = try await server.send(CausewayServer.Request(path: ["v1", "admin", "connections"], query: query))
            } catch {
                throw Exit.because(error.sentence, Exit.unavailable)
            }
            if answer.status == 403 || answer.status == 404 { throw Self.missingEdges() }
            guard answer.isSuccess else { throw ServerRefusal(answer, of: server.target).exit() }
            let page = try CausewayServer.decode(DeploymentAnswer.self, answer.body)
            pages.append(page)
            next = page.nextCursor
        } while next != nil && pages.count < Self.maximumPages
        guard let first = pages.first else { return [] }
        for edge in first.silent {
            Console.complain("\(TerminalText.safe("\(edge.program) \(edge.instance)")) did not answer; the answer is without this edge")
        }
        if !first.complete, first.silent.isEmpty {
            Console.complain("the server does not know all edges yet: one may be missing in the answer; ask again in 15 s")
        }
        let connections = pages.flatMap(\.items) + first.closed
        guard let known = try? first.edges.map({ try KnownEdge($0, connections) }) else {
            throw Exit.because("the answer is not Causeway's: check --url", Exit.unavailable)
        }
        return known
    }

    private static func missingEdges() -> ArgumentParser.ExitCode {
        Exit.because(
            """
            missing edges: name the addresses of their admin listeners with --edges, set CAUSEWAY_EDGES, or use a token of the user's tenant with the \
            role admin
            """,
            Exit.configuration
        )
    }

    private func knownEdge(_ target: Target, _ tenant: String) async throws -> KnownEdge {
        let edge = CausewayServer(target: target, token: nil, authorities: server.caFile, timeout: server.requestTimeout)
        var pages: [ConnectionsAnswer] = []
        var next: String?
        repeat {
            var query = [["tenant", tenant], ["user", user], ["limit", "\(Self.pageLimit)"]]
            if let next { query.append(["after", next]) }
            let answer = try await edge.send(CausewayServer.Request(path: ["connections"], query: query))
            if let refusal = RefusedHost(answer) { throw refusal }
            guard answer.isSuccess, let page = try? JSONDecoder().decode(ConnectionsAnswer.self, from: Data(answer.body)) else {
                throw ForeignAnswer()
            }
            pages.append(page)
            next = page.next
        } while next != nil && pages.count < Self.maximumPages
        guard let known = try? KnownEdge(pages, at: "\(target)") else { throw ForeignAnswer() }
        return known
    }

    /// The admin listeners to ask; empty if none is named.
    func targets(_ environment: [String: String]) throws -> [Target] {
        try (edges ?? environment["CAUSEWAY_EDGES"] ?? "").split(separator: ",").map { text in
            do throws(Target.Mistake) {
                return try Target(String(text))
            } catch {
                throw Exit.because("--edges: \(error.sentence)", Exit.configuration)
            }
        }
    }

    @Sendable private static func cursor(_ text: String) throws -> Cursor {
        guard let cursor = Cursor(text) else {
            throw ArgumentParser.ValidationError("'\(text)' is not the id of an event: it is evt_ and 26 characters")
        }
        return cursor
    }
}

extension KnownEdge {
    /// Returns the edge with one connection only, or with none.
    ///
    /// - Parameter id: of the connection, or of its request.
    fileprivate func only(_ id: String) -> KnownEdge {
        KnownEdge(
            name: name,
            now: now,
            interruption: interruption,
            position: position,
            closedSince: closedSince,
            connections: connections.filter { $0.id == id || $0.requestID == id }
        )
    }
}
