import { Fn, Stack } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

export interface NetworkProps {
  /** Number of subnets, each in its own zone. Redshift Serverless needs three, a cluster two to relocate between. */
  readonly subnets: 2 | 3;
  /** Receives the flow log. */
  readonly logs: Bucket;
}

/**
 * Number of zones that an account has in a region. In us-west-1 an account has two, and there the three subnets of Redshift Serverless may be in two zones
 * (management guide, "Considerations when using Amazon Redshift Serverless").
 */
const zonesOf = (region: string) => (region === 'us-west-1' ? 2 : 3);

/**
 * A network without internet access: isolated subnets, no NAT, no internet gateway. The warehouse uses endpoints: S3 for COPY, UNLOAD and the audit log
 * (enhanced VPC routing sends them through this network), Kinesis for streaming ingestion, STS for the roles. KMS and Secrets Manager need no endpoint: S3,
 * Kinesis and the Data API call them from outside this network.
 */
export class Network extends Construct {
  readonly vpc: Vpc;
  readonly warehouseSecurityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    const zones = Array.from({ length: props.subnets }, (_, index) =>
      Fn.select(index % zonesOf(region), Fn.getAzs(region)),
    );
    this.vpc = new Vpc(this, 'Vpc', {
      availabilityZones: zones,
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'Isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
    });
    this.vpc.addFlowLog('FlowLog', {
      destination: FlowLogDestination.toS3(props.logs, 'vpc-flow/'),
      trafficType: FlowLogTrafficType.REJECT,
    });
    this.warehouseSecurityGroup = new SecurityGroup(this, 'WarehouseSecurityGroup', {
      vpc: this.vpc,
      description: 'The warehouse: nobody connects to it, statements come through the Data API',
      allowAllOutbound: false,
    });
    // The gateway endpoint of S3 has public addresses, so the rule allows any address. There is a route only to the endpoints.
    this.warehouseSecurityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'AWS services through the endpoints');
    this.endpoint('Kinesis', InterfaceVpcEndpointAwsService.KINESIS_STREAMS);
    this.endpoint('Sts', InterfaceVpcEndpointAwsService.STS);
  }

  private endpoint(id: string, service: InterfaceVpcEndpointAwsService): void {
    const endpoint = new InterfaceVpcEndpoint(this, `${id}Endpoint`, {
      vpc: this.vpc,
      service,
      privateDnsEnabled: true,
      // EC2 refuses an endpoint with two subnets in one zone.
      subnets: { subnets: this.vpc.isolatedSubnets.slice(0, zonesOf(Stack.of(this).region)) },
      open: false,
    });
    endpoint.connections.allowDefaultPortFrom(this.warehouseSecurityGroup, 'Only the warehouse');
  }
}
