/// The version of every program of this project: `--version`, the relay's status, the User-Agent of its clients.
public let causewayVersion = "0.1.0"
