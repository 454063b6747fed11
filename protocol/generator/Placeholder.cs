namespace Athanor.Protocol.Generator;
