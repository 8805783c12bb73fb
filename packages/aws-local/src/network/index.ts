import { createHash } from 'node:crypto';
import type { ResourceContext, ResourceTwin } from 'aws-local-kit';

/**
 * Networks are not modelled: everything runs on loopback. The twins give resources the ids that other resources refer
 * to, and refuse unknown properties.
 */
export function createNetwork(): { resources: readonly ResourceTwin[] } {
  return {
    resources: [
      inert(
        'AWS::EC2::VPC',
        'vpc',
        ['CidrBlock', 'EnableDnsHostnames', 'EnableDnsSupport', 'InstanceTenancy', 'Tags'],
        {
          VpcId: (id) => id,
          CidrBlock: (_id, properties) => properties['CidrBlock'],
          DefaultSecurityGroup: (id) => `sg-${id.slice(4)}`,
          DefaultNetworkAcl: (id) => `acl-${id.slice(4)}`,
          CidrBlockAssociations: () => [],
        },
      ),
      inert('AWS::EC2::Subnet', 'subnet', ['AvailabilityZone', 'CidrBlock', 'MapPublicIpOnLaunch', 'Tags', 'VpcId'], {
        SubnetId: (id) => id,
        AvailabilityZone: (_id, properties) => properties['AvailabilityZone'],
        CidrBlock: (_id, properties) => properties['CidrBlock'],
        VpcId: (_id, properties) => properties['VpcId'],
        NetworkAclAssociationId: (id) => `aclassoc-${id.slice(7)}`,
      }),
      inert('AWS::EC2::RouteTable', 'rtb', ['Tags', 'VpcId'], { RouteTableId: (id) => id }),
      inert('AWS::EC2::Route', 'r', ['DestinationCidrBlock', 'GatewayId', 'NatGatewayId', 'RouteTableId']),
      inert('AWS::EC2::SubnetRouteTableAssociation', 'rtbassoc', ['RouteTableId', 'SubnetId'], { Id: (id) => id }),
      inert(
        'AWS::EC2::SecurityGroup',
        'sg',
        ['GroupDescription', 'GroupName', 'SecurityGroupEgress', 'SecurityGroupIngress', 'Tags', 'VpcId'],
        {
          GroupId: (id) => id,
          VpcId: (_id, properties) => properties['VpcId'],
        },
      ),
      inert(
        'AWS::EC2::SecurityGroupIngress',
        'sgr',
        ['CidrIp', 'Description', 'FromPort', 'GroupId', 'IpProtocol', 'SourceSecurityGroupId', 'ToPort'],
        { Id: (id) => id },
      ),
      inert(
        'AWS::EC2::SecurityGroupEgress',
        'sgr',
        [
          'CidrIp',
          'Description',
          'DestinationPrefixListId',
          'DestinationSecurityGroupId',
          'FromPort',
          'GroupId',
          'IpProtocol',
          'ToPort',
        ],
        { Id: (id) => id },
      ),
      inert(
        'AWS::EC2::VPCEndpoint',
        'vpce',
        [
          'PolicyDocument',
          'PrivateDnsEnabled',
          'RouteTableIds',
          'SecurityGroupIds',
          'ServiceName',
          'SubnetIds',
          'Tags',
          'VpcEndpointType',
          'VpcId',
        ],
        {
          Id: (id) => id,
          DnsEntries: () => [],
          NetworkInterfaceIds: () => [],
        },
      ),
      inert('AWS::EC2::FlowLog', 'fl', [...flowLog, 'Tags'], { Id: (id) => id }),
      inert('AWS::EC2::NetworkAcl', 'acl', ['Tags', 'VpcId'], { Id: (id) => id }),
      // CDK's own usage report.
      inert('AWS::CDK::Metadata', 'metadata', ['Analytics']),
    ],
  };
}

type Attributes = Readonly<Record<string, (id: string, properties: Readonly<Record<string, unknown>>) => unknown>>;

function inert(type: string, idPrefix: string, properties: string[], attributes: Attributes = {}): ResourceTwin {
  return {
    type,
    properties,
    attributes: Object.keys(attributes),
    replacedBy: replacedBy[type] ?? [],
    delete: () => undefined,
    create(values: Record<string, unknown>, context) {
      const id = `${idPrefix}-${idOf(context)}`;
      return {
        ref: id,
        attributes: Object.fromEntries(Object.entries(attributes).map(([name, of]) => [name, of(id, values)])),
      };
    },
  };
}

const idOf = ({ generatedName, previous }: ResourceContext) =>
  previous?.ref.slice(previous.ref.lastIndexOf('-') + 1) ??
  createHash('sha256').update(generatedName).digest('hex').slice(0, 17);

/** All properties of a flow log except its tags. None of them can be changed. */
const flowLog = [
  'DeliverLogsPermissionArn',
  'LogDestination',
  'LogDestinationType',
  'LogFormat',
  'LogGroupName',
  'MaxAggregationInterval',
  'ResourceId',
  'ResourceType',
  'TrafficType',
];

const replacedBy: Readonly<Record<string, readonly string[]>> = {
  'AWS::EC2::VPC': ['CidrBlock'],
  'AWS::EC2::Subnet': ['AvailabilityZone', 'CidrBlock', 'VpcId'],
  'AWS::EC2::RouteTable': ['VpcId'],
  'AWS::EC2::Route': ['DestinationCidrBlock', 'RouteTableId'],
  'AWS::EC2::SubnetRouteTableAssociation': ['SubnetId'],
  'AWS::EC2::SecurityGroup': ['GroupDescription', 'GroupName', 'VpcId'],
  'AWS::EC2::SecurityGroupIngress': ['CidrIp', 'FromPort', 'GroupId', 'IpProtocol', 'SourceSecurityGroupId', 'ToPort'],
  'AWS::EC2::SecurityGroupEgress': [
    'CidrIp',
    'DestinationPrefixListId',
    'DestinationSecurityGroupId',
    'FromPort',
    'GroupId',
    'IpProtocol',
    'ToPort',
  ],
  'AWS::EC2::VPCEndpoint': ['ServiceName', 'VpcEndpointType', 'VpcId'],
  'AWS::EC2::FlowLog': flowLog,
  'AWS::EC2::NetworkAcl': ['VpcId'],
};
