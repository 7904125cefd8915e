using System.Text.Json.Serialization;

namespace MoBA.Runtime;

/// <summary>How names are written in a router's metadata, without reflection.</summary>
[JsonSerializable(typeof(string[]))]
internal sealed partial class RouterJson : JsonSerializerContext;
